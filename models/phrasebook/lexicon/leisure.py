"""Free time: events, animals, scenery and hotel comforts."""

from __future__ import annotations

from models.phrasebook.tables import nouns, phrases

EVENTS = nouns("""
film | der Film/Filme | la película
song | das Lied/Lieder | la canción
concert | das Konzert/Konzerte | el concierto
novel | der Roman/Romane | la novela
exhibition | die Ausstellung/Ausstellungen | la exposición
match | das Spiel/Spiele | el partido
story | die Geschichte/Geschichten | la historia
party | die Feier/Feiern | la fiesta
wedding | die Hochzeit/Hochzeiten | la boda
trip | die Reise/Reisen | el viaje
opera | die Oper/Opern | la ópera
excursion | der Ausflug/Ausflüge | la excursión
ballet | das Ballett/Ballette | el ballet
""")
# Those one is invited to.
OCCASIONS = (EVENTS[2], *EVENTS[4:6], *EVENTS[7:9], *EVENTS[11:])

ANIMALS = nouns("""
dog | der Hund/Hunde | el perro
cat | die Katze/Katzen | el gato
horse | das Pferd/Pferde | el caballo
bird | der Vogel/Vögel | el pájaro
rabbit | das Kaninchen/Kaninchen | el conejo
tortoise | die Schildkröte/Schildkröten | la tortuga
sheep/sheep | das Schaf/Schafe | la oveja
cow | die Kuh/Kühe | la vaca
pig | das Schwein/Schweine | el cerdo
goat | die Ziege/Ziegen | la cabra
mouse/mice | die Maus/Mäuse | el ratón
donkey | der Esel/Esel | el burro
eagle | der Adler/Adler | el:f águila
""")

SCENERIES = phrases("""
by the sea | am Meer | junto al mar
by the lake | am See | junto al lago
by the river | am Fluss | junto al río
in the mountains | in den Bergen | en la montaña
in the forest | im Wald | en el bosque
in the desert | in der Wüste | en el desierto
in the countryside | auf dem Land | en el campo
in the north | im Norden | en el norte
in the south | im Süden | en el sur
in the east | im Osten | en el este
in the west | im Westen | en el oeste
on the coast | an der Küste | en la costa
on an island | auf einer Insel | en una isla
in a small village | in einem kleinen Dorf | en un pueblo pequeño
near the border | in der Nähe der Grenze | cerca de la frontera
""")

COMFORTS = nouns("""
balcony | der Balkon/Balkone | el balcón
shower | die Dusche/Duschen | la ducha
bathtub | die Badewanne/Badewannen | la bañera
terrace | die Terrasse/Terrassen | la terraza
kitchen | die Küche/Küchen | la cocina
desk | der Schreibtisch/Schreibtische | el escritorio
double bed | das Doppelbett/Doppelbetten | la cama doble
television | der Fernseher/Fernseher | el televisor
fridge | der Kühlschrank/Kühlschränke | el frigorífico
fireplace | der Kamin/Kamine | la chimenea
""")
