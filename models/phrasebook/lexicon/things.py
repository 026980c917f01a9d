"""Things people carry, wear and buy."""

from __future__ import annotations

from models.phrasebook.tables import nouns

BELONGINGS = nouns("""
suitcase | der Koffer/Koffer | la maleta
backpack | der Rucksack/Rucksäcke | la mochila
bag | die Tasche/Taschen | el bolso
passport | der Reisepass/Reisepässe | el pasaporte
wallet | die Geldbörse/Geldbörsen | la cartera
key | der Schlüssel/Schlüssel | la llave
phone | das Telefon/Telefone | el teléfono
camera | die Kamera/Kameras | la cámara
computer | der Computer/Computer | el ordenador
umbrella | der Regenschirm/Regenschirme | el paraguas/paraguas
map | der Stadtplan/Stadtpläne | el plano
/glasses | die Brille/Brillen | las gafas
watch | die Armbanduhr/Armbanduhren | el reloj
credit card | die Kreditkarte/Kreditkarten | la tarjeta de crédito
charger | das Ladegerät/Ladegeräte | el cargador
ring | der Ring/Ringe | el anillo
driving licence | der Führerschein/Führerscheine | el carné de conducir
luggage/- | das Gepäck | el equipaje
""")

GARMENTS = nouns("""
coat | der Mantel/Mäntel | el abrigo
jacket | die Jacke/Jacken | la chaqueta
shirt | das Hemd/Hemden | la camisa
dress | das Kleid/Kleider | el vestido
skirt | der Rock/Röcke | la falda
jumper | der Pullover/Pullover | el jersey/jerséis
blouse | die Bluse/Blusen | la blusa
hat | der Hut/Hüte | el sombrero
scarf/scarves | der Schal/Schals | la bufanda
belt | der Gürtel/Gürtel | el cinturón
tie | die Krawatte/Krawatten | la corbata
suit | der Anzug/Anzüge | el traje
/shoes | /Schuhe | los zapatos
/boots | /Stiefel | las botas
/gloves | /Handschuhe | los guantes
/socks | /Socken | los calcetines
/trousers | die Hose/Hosen | los pantalones
/sandals | /Sandalen | las sandalias
""")

GOODS = nouns("""
towel | das Handtuch/Handtücher | la toalla
lamp | die Lampe/Lampen | la lámpara
mirror | der Spiegel/Spiegel | el espejo
knife/knives | das Messer/Messer | el cuchillo
fork | die Gabel/Gabeln | el tenedor
spoon | der Löffel/Löffel | la cuchara
plate | der Teller/Teller | el plato
pan | die Pfanne/Pfannen | la sartén
chair | der Stuhl/Stühle | la silla
blanket | die Decke/Decken | la manta
pillow | das Kissen/Kissen | la almohada
candle | die Kerze/Kerzen | la vela
book | das Buch/Bücher | el libro
newspaper | die Zeitung/Zeitungen | el periódico
magazine | die Zeitschrift/Zeitschriften | la revista
postcard | die Postkarte/Postkarten | la postal
stamp | die Briefmarke/Briefmarken | el sello
pencil | der Bleistift/Bleistifte | el lápiz
notebook | das Notizbuch/Notizbücher | el cuaderno
toothbrush | die Zahnbürste/Zahnbürsten | el cepillo de dientes
basket | der Korb/Körbe | la cesta
vase | die Vase/Vasen | el jarrón
ball | der Ball/Bälle | la pelota
doll | die Puppe/Puppen | la muñeca
battery | die Batterie/Batterien | la pila
carpet | der Teppich/Teppiche | la alfombra
""")
