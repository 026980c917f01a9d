"""People by profession and family; each word has one fixed gender in all languages."""

from __future__ import annotations

from models.phrasebook.tables import nouns

PROFESSIONS = nouns("""
doctor | die Ärztin/Ärztinnen | la doctora
nurse | die Krankenschwester/Krankenschwestern | la enfermera
dentist | der Zahnarzt/Zahnärzte | el dentista
pharmacist | die Apothekerin/Apothekerinnen | la farmacéutica
teacher | der Lehrer/Lehrer | el profesor
waiter | der Kellner/Kellner | el camarero
driver | der Fahrer/Fahrer | el conductor
boss | die Chefin/Chefinnen | la jefa
engineer | der Ingenieur/Ingenieure | el ingeniero
lawyer | die Anwältin/Anwältinnen | la abogada
tour guide | die Reiseleiterin/Reiseleiterinnen | la guía
cook | der Koch/Köche | el cocinero
baker | der Bäcker/Bäcker | el panadero
hairdresser | die Friseurin/Friseurinnen | la peluquera
police officer | der Polizist/Polizisten/Polizisten | el policía
secretary | die Sekretärin/Sekretärinnen | la secretaria
director | der Direktor/Direktoren | el director
customer | der Kunde/Kunden/Kunden | el cliente
neighbour | der Nachbar/Nachbarn/Nachbarn | el vecino
student | die Studentin/Studentinnen | la estudiante
architect | der Architekt/Architekten/Architekten | el arquitecto
journalist | die Journalistin/Journalistinnen | la periodista
singer | die Sängerin/Sängerinnen | la cantante
farmer | der Bauer/Bauern/Bauern | el agricultor
""")

RELATIVES = nouns("""
mother | die Mutter/Mütter | la madre
father | der Vater/Väter | el padre
brother | der Bruder/Brüder | el hermano
sister | die Schwester/Schwestern | la hermana
son | der Sohn/Söhne | el hijo
daughter | die Tochter/Töchter | la hija
husband | der Mann/Männer | el marido
wife/wives | die Frau/Frauen | la mujer
grandmother | die Großmutter/Großmütter | la abuela
grandfather | der Großvater/Großväter | el abuelo
aunt | die Tante/Tanten | la tía
uncle | der Onkel/Onkel | el tío
friend | der Freund/Freunde | el amigo
cousin | der Cousin/Cousins | el primo
""")

# Relatives one can have several of.
SIBLINGS = (*RELATIVES[2:6], *RELATIVES[10:])
CLINICIANS = PROFESSIONS[:4]
