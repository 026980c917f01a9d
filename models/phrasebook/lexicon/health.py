"""Body parts, illnesses and medicines."""

from __future__ import annotations

from models.phrasebook.tables import nouns, phrases

BODY_PARTS = nouns("""
arm | der Arm/Arme | el brazo
leg | das Bein/Beine | la pierna
foot/feet | der Fuß/Füße | el pie
hand | die Hand/Hände | la mano
finger | der Finger/Finger | el dedo
knee | das Knie/Knie | la rodilla
elbow | der Ellbogen/Ellbogen | el codo
shoulder | die Schulter/Schultern | el hombro
ankle | der Knöchel/Knöchel | el tobillo
eye | das Auge/Augen | el ojo
ear | das Ohr/Ohren | el oído
nose | die Nase/Nasen | la nariz
head | der Kopf/Köpfe | la cabeza
back | der Rücken/Rücken | la espalda
stomach | der Magen/Mägen | el estómago
throat | der Hals/Hälse | la garganta
neck | der Nacken/Nacken | el cuello
chest | die Brust | el pecho
hip | die Hüfte/Hüften | la cadera
tooth/teeth | der Zahn/Zähne | el diente
thumb | der Daumen/Daumen | el pulgar
""")
BONES = BODY_PARTS[:5]
PAIRED_PARTS = (*BODY_PARTS[1:11],)

ILLNESSES = phrases(
    """
a fever | Fieber | fiebre; la fiebre
a cough | Husten | tos; la tos
a cold | eine Erkältung | un resfriado; el resfriado
a headache | Kopfschmerzen | dolor de cabeza; el dolor de cabeza
toothache | Zahnschmerzen | dolor de muelas; el dolor de muelas
a stomach ache | Magenschmerzen | dolor de estómago; el dolor de estómago
back pain | Rückenschmerzen | dolor de espalda; el dolor de espalda
a sore throat | Halsschmerzen | dolor de garganta; el dolor de garganta
earache | Ohrenschmerzen | dolor de oídos; el dolor de oídos
the flu | die Grippe | la gripe; la gripe
a rash | einen Ausschlag | un sarpullido; el sarpullido
an infection | eine Infektion | una infección; la infección
diarrhoea | Durchfall | diarrea; la diarrea
asthma | Asthma | asma; el asma
""",
    es="bare the",
)

REMEDIES = nouns("""
/tablets | /Tabletten | las pastillas
/drops | /Tropfen | las gotas
syrup | der Sirup | el jarabe
antibiotic | das Antibiotikum/Antibiotika | el antibiótico
painkiller | das Schmerzmittel/Schmerzmittel | el analgésico
medicine | das Medikament/Medikamente | el medicamento
/vitamins | /Vitamine | las vitaminas
/capsules | /Kapseln | las cápsulas
""")

MEDICAL_GOODS = nouns("""
plaster | das Pflaster/Pflaster | la tirita
bandage | der Verband/Verbände | la venda
thermometer | das Thermometer/Thermometer | el termómetro
ointment | die Salbe/Salben | la pomada
injection | die Spritze/Spritzen | la inyección
prescription | das Rezept/Rezepte | la receta
/crutches | /Krücken | las muletas
wheelchair | der Rollstuhl/Rollstühle | la silla de ruedas
certificate | die Bescheinigung/Bescheinigungen | el certificado
mask | die Maske/Masken | la mascarilla
""")

# Spanish includes the preposition, which contracts with the article.
ALLERGENS = phrases("""
nuts | Nüsse | a las nueces
milk | Milch | a la leche
eggs | Eier | a los huevos
pollen | Pollen | al polen
dust | Staub | al polvo
cats | Katzen | a los gatos
dogs | Hunde | a los perros
bees | Bienen | a las abejas
penicillin | Penizillin | a la penicilina
seafood | Meeresfrüchte | al marisco
wheat | Weizen | al trigo
peanuts | Erdnüsse | a los cacahuetes
""")

DOSES = phrases("""
once a day | einmal täglich | una vez al día
twice a day | zweimal täglich | dos veces al día
three times a day | dreimal täglich | tres veces al día
every morning | jeden Morgen | todas las mañanas
every evening | jeden Abend | todas las noches
before breakfast | vor dem Frühstück | antes del desayuno
after breakfast | nach dem Frühstück | después del desayuno
before lunch | vor dem Mittagessen | antes del almuerzo
after lunch | nach dem Mittagessen | después del almuerzo
before dinner | vor dem Abendessen | antes de la cena
after dinner | nach dem Abendessen | después de la cena
""")
