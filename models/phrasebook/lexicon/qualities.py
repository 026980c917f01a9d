"""Adjectives, grouped by what they describe and by the Spanish verb 'to be' they take."""

from __future__ import annotations

from models.phrasebook.tables import adjectives, phrases

COLOURS = adjectives("""
red | rot | rojo
blue | blau | azul
green | grün | verde
black | schwarz | negro
white | weiß | blanco
yellow | gelb | amarillo
brown | braun | marrón
grey | grau | gris
""")

STYLES = adjectives("""
warm | warm | abrigado
elegant | elegant | elegante
modern | modern | moderno
comfortable | bequem | cómodo
cheap | billig | barato
simple | einfach | sencillo
thick | dick | grueso
light | leicht | ligero
dark | dunkel/dunkl | oscuro
""")

SIZES = adjectives("""
big | groß | grande
small | klein | pequeño
long | lang | largo
short | kurz | corto
tight | eng | estrecho
wide | weit | ancho
expensive | teuer/teur | caro
""")

MAKES = adjectives("""
old | alt | viejo
new | neu | nuevo
beautiful | schön | bonito
big | groß | grande
small | klein | pequeño
practical | praktisch | práctico
""")

FLAVOURS = adjectives("""
salty | salzig | salado
sweet | süß | dulce
cold | kalt | frío
hot | heiß | caliente
spicy | scharf | picante
bitter | bitter | amargo
greasy | fettig | grasiento
dry | trocken | seco
sour | sauer/saur | agrio
raw | roh | crudo
hard | hart | duro
""")

CONDITIONS = adjectives("""
broken | kaputt | roto
dirty | schmutzig | sucio
wet | nass | mojado
clean | sauber | limpio
""")

OPENINGS = adjectives("""
open | geöffnet | abierto
closed | geschlossen | cerrado
full | voll | lleno
empty | leer | vacío
""")

MOODS = adjectives("""
tired | müde | cansado
ill | krank | enfermo
glad | froh | contento
nervous | nervös | nervioso
sad | traurig | triste
angry | wütend | enfadado
busy | beschäftigt | ocupado
worried | besorgt | preocupado
in love | verliebt | enamorado
pale | blass | pálido
""")

TRAITS = adjectives("""
friendly | freundlich | amable
funny | lustig | divertido
polite | höflich | educado
clever | klug | inteligente
patient | geduldig | paciente
strict | streng | estricto
shy | schüchtern | tímido
honest | ehrlich | honesto
famous | berühmt | famoso
young | jung | joven/joven/jóvenes/jóvenes
generous | großzügig | generoso
rich | reich | rico
""")

JUDGEMENTS = adjectives("""
interesting | interessant | interesante
boring | langweilig | aburrido
important | wichtig | importante
difficult | schwierig | difícil
useful | nützlich | útil
exciting | spannend | emocionante
strange | seltsam | extraño
dangerous | gefährlich | peligroso
complicated | kompliziert | complicado
surprising | überraschend | sorprendente
""")

SUPERLATIVES = adjectives("""
nearest | nächst | más cercano
biggest | größt | más grande
oldest | ältest | más antiguo
cheapest | billigst | más barato
most modern | modernst | más moderno
most famous | berühmtest | más famoso
""")

COMPARATIVES = adjectives("""
older | älter | mayor
younger | jünger | menor
taller | größer | más alto
stronger | stärker | más fuerte
slimmer | schlanker | más delgado
faster | schneller | más rápido
quieter | ruhiger | más callado
braver | mutiger | más valiente
happier | glücklicher | más feliz
""")

COATS = adjectives("""
black | schwarz | negro
white | weiß | blanco
brown | braun | marrón
grey | grau | gris
big | groß | grande
small | klein | pequeño
young | jung | joven/joven/jóvenes/jóvenes
""")

WEATHER = phrases(
    """
sunny | sonnig | hace sol; hará sol
cold | kalt | hace frío; hará frío
hot | heiß | hace calor; hará calor
windy | windig | hace viento; hará viento
cool | kühl | hace fresco; hará fresco
cloudy | bewölkt | está nublado; estará nublado
foggy | neblig | hay niebla; habrá niebla
stormy | stürmisch | hay tormenta; habrá tormenta
""",
    es="now later",
)
