"""Meetings, papers, matters and machines at work."""

from __future__ import annotations

from models.phrasebook.tables import nouns

AFFAIRS = nouns("""
meeting | die Besprechung/Besprechungen | la reunión
interview | das Interview/Interviews | la entrevista
negotiation | die Verhandlung/Verhandlungen | la negociación
course | der Kurs/Kurse | el curso
presentation | die Präsentation/Präsentationen | la presentación
conference | die Konferenz/Konferenzen | la conferencia
seminar | das Seminar/Seminare | el seminario
speech | die Rede/Reden | el discurso
visit | der Besuch/Besuche | la visita
exam | die Prüfung/Prüfungen | el examen/exámenes
""")

# Those held with somebody.
ENCOUNTERS = AFFAIRS[:4]

PAPERS = nouns("""
report | der Bericht/Berichte | el informe
contract | der Vertrag/Verträge | el contrato
offer | das Angebot/Angebote | la oferta
plan | der Plan/Pläne | el plan
list | die Liste/Listen | la lista
document | das Dokument/Dokumente | el documento
text | der Text/Texte | el texto
budget | das Budget/Budgets | el presupuesto
proposal | der Vorschlag/Vorschläge | la propuesta
article | der Artikel/Artikel | el artículo
form | das Formular/Formulare | el formulario
""")

MATTERS = (
    *PAPERS[:4],
    *PAPERS[7:9],
    *nouns("""
project | das Projekt/Projekte | el proyecto
problem | das Problem/Probleme | el problema
idea | die Idee/Ideen | la idea
question | die Frage/Fragen | la pregunta
strategy | die Strategie/Strategien | la estrategia
agenda | die Tagesordnung/Tagesordnungen | el orden del día
price | der Preis/Preise | el precio
salary | das Gehalt/Gehälter | el sueldo
task | die Aufgabe/Aufgaben | la tarea
goal | das Ziel/Ziele | el objetivo
decision | die Entscheidung/Entscheidungen | la decisión
topic | das Thema/Themen | el tema
result | das Ergebnis/Ergebnisse | el resultado
delivery | die Lieferung/Lieferungen | la entrega
complaint | die Beschwerde/Beschwerden | la queja
change | die Änderung/Änderungen | el cambio
"""),
)

DEVICES = nouns("""
printer | der Drucker/Drucker | la impresora
projector | der Projektor/Projektoren | el proyector
keyboard | die Tastatur/Tastaturen | el teclado
screen | der Bildschirm/Bildschirme | la pantalla
microphone | das Mikrofon/Mikrofone | el micrófono
loudspeaker | der Lautsprecher/Lautsprecher | el altavoz
heating/- | die Heizung/Heizungen | la calefacción
air conditioning/- | die Klimaanlage/Klimaanlagen | el aire acondicionado
shower | die Dusche/Duschen | la ducha
television | der Fernseher/Fernseher | el televisor
fridge | der Kühlschrank/Kühlschränke | el frigorífico
washing machine | die Waschmaschine/Waschmaschinen | la lavadora
coffee machine | die Kaffeemaschine/Kaffeemaschinen | la cafetera
alarm clock | der Wecker/Wecker | el despertador
radio | das Radio/Radios | la radio
""")
