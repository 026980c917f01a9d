"""Places in town, along the way and inside buildings, and means of transport."""

from __future__ import annotations

from models.phrasebook.tables import nouns, phrases

# Places with opening hours.
VENUES = nouns("""
hotel | das Hotel/Hotels | el hotel
museum | das Museum/Museen | el museo
bank | die Bank/Banken | el banco
post office | das Postamt/Postämter | la oficina de correos
pharmacy | die Apotheke/Apotheken | la farmacia
supermarket | der Supermarkt/Supermärkte | el supermercado
market | der Markt/Märkte @auf | el mercado
bakery | die Bäckerei/Bäckereien | la panadería
cathedral | der Dom/Dome @an | la catedral
church | die Kirche/Kirchen | la iglesia
castle | das Schloss/Schlösser | el castillo
library | die Bibliothek/Bibliotheken | la biblioteca
theatre | das Theater/Theater | el teatro
cinema | das Kino/Kinos | el cine
school | die Schule/Schulen | la escuela
stadium | das Stadion/Stadien | el estadio
restaurant | das Restaurant/Restaurants | el restaurante
café | das Café/Cafés | la cafetería
tourist office | die Touristeninformation | la oficina de turismo
town hall | das Rathaus/Rathäuser | el ayuntamiento
police station | die Polizeiwache/Polizeiwachen @auf | la comisaría
swimming pool | das Schwimmbad/Schwimmbäder | la piscina
bookshop | die Buchhandlung/Buchhandlungen | la librería
zoo @in | der Zoo/Zoos | el zoo
shopping centre | das Einkaufszentrum/Einkaufszentren | el centro comercial
""")

PLACES = (
    *VENUES,
    *nouns("""
station | der Bahnhof/Bahnhöfe @an | la estación
airport | der Flughafen/Flughäfen @an | el aeropuerto
hospital | das Krankenhaus/Krankenhäuser | el hospital
park @in | der Park/Parks | el parque
harbour | der Hafen/Häfen @an | el puerto
university | die Universität/Universitäten @an | la universidad
bus stop | die Bushaltestelle/Bushaltestellen @an | la parada de autobús
car park | der Parkplatz/Parkplätze @auf | el aparcamiento
petrol station | die Tankstelle/Tankstellen @an | la gasolinera
embassy | die Botschaft/Botschaften | la embajada
campsite | der Campingplatz/Campingplätze @auf | el camping/campings
fountain | der Brunnen/Brunnen @an | la fuente
tower | der Turm/Türme @an | la torre
"""),
)

LANDMARKS = nouns("""
/traffic lights | die Ampel/Ampeln | el semáforo
corner | die Ecke/Ecken | la esquina
roundabout | der Kreisverkehr/Kreisverkehre | la rotonda
crossroads/- | die Kreuzung/Kreuzungen | el cruce
bridge | die Brücke/Brücken | el puente
tunnel | der Tunnel/Tunnel | el túnel
square | der Platz/Plätze | la plaza
""")

# What one can walk through.
PASSAGES = nouns("""
park | der Park/Parks | el parque
tunnel | der Tunnel/Tunnel | el túnel
old town | die Altstadt/Altstädte | el casco antiguo
courtyard | der Hof/Höfe | el patio
garden | der Garten/Gärten | el jardín
forest | der Wald/Wälder | el bosque
""")

INDOOR_PLACES = nouns("""
lift | der Aufzug/Aufzüge | el ascensor
toilet | die Toilette/Toiletten | el baño
entrance | der Eingang/Eingänge | la entrada
exit | der Ausgang/Ausgänge | la salida
reception desk | der Empfang | la recepción
kitchen | die Küche/Küchen | la cocina
dining room | der Speisesaal/Speisesäle | el comedor
waiting room | das Wartezimmer/Wartezimmer | la sala de espera
conference room | der Konferenzraum/Konferenzräume | la sala de conferencias
terrace | die Terrasse/Terrassen | la terraza
/stairs | die Treppe/Treppen | las escaleras
cash machine | der Geldautomat/Geldautomaten/Geldautomaten | el cajero
""")

VEHICLES = nouns("""
train | der Zug/Züge | el tren
bus | der Bus/Busse | el autobús
tram | die Straßenbahn/Straßenbahnen | el tranvía
ferry | die Fähre/Fähren @auf | el ferri
plane | das Flugzeug/Flugzeuge | el avión
ship | das Schiff/Schiffe @auf | el barco
taxi | das Taxi/Taxis | el taxi
car | das Auto/Autos | el coche
bicycle | das Fahrrad/Fahrräder | la bicicleta
helicopter | der Hubschrauber/Hubschrauber | el helicóptero
motorbike | das Motorrad/Motorräder | la moto
""")

# Public transport, which has a timetable.
LINES = VEHICLES[:5]
LONG_LINES = VEHICLES[:2]
CITY_LINES = VEHICLES[:3]

SIDES = phrases(
    """
left | links; linken | izquierda
right | rechts; rechten | derecha
""",
    de="adv adj",
)
