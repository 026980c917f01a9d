"""Food, drink and the measures they are sold in."""

from __future__ import annotations

from models.phrasebook.tables import nouns, phrases

DISHES = nouns("""
soup | die Suppe/Suppen | la sopa
salad | der Salat/Salate | la ensalada
fish/- | der Fisch | el pescado
chicken/- | das Hähnchen | el pollo
steak | das Steak/Steaks | el filete
lamb/- | das Lammfleisch | el cordero
pizza | die Pizza/Pizzas | la pizza
omelette | das Omelett/Omeletts | la tortilla
rice/- | der Reis | el arroz
sausage | die Bratwurst/Bratwürste | la salchicha
cake | der Kuchen/Kuchen | la tarta
dessert | der Nachtisch | el postre
bread/- | das Brot | el pan
duck/- | die Ente | el pato
""")

INGREDIENTS = phrases("""
salt | Salz | sal
pepper | Pfeffer | pimienta
oil | Öl | aceite
vinegar | Essig | vinagre
garlic | Knoblauch | ajo
cheese | Käse | queso
ham | Schinken | jamón
butter | Butter | mantequilla
lemon | Zitrone | limón
mustard | Senf | mostaza
meat | Fleisch | carne
""")

PRODUCE = nouns("""
/apples | /Äpfel | las manzanas
/oranges | /Orangen | las naranjas
/pears | /Birnen | las peras
/cherries | /Kirschen | las cerezas
/grapes | /Trauben | las uvas
/strawberries | /Erdbeeren | las fresas
/bananas | /Bananen | los plátanos
/peaches | /Pfirsiche | los melocotones
/plums | /Pflaumen | las ciruelas
/tomatoes | /Tomaten | los tomates
/potatoes | /Kartoffeln | las patatas
/carrots | /Karotten | las zanahorias
/onions | /Zwiebeln | las cebollas
/mushrooms | /Pilze | las setas
/beans | /Bohnen | las judías
/olives | /Oliven | las aceitunas
/nuts | /Nüsse | las nueces
""")

HOT_DRINKS = phrases("""
coffee | Kaffee | café
tea | Tee | té
herbal tea | Kräutertee | infusión
cocoa | Kakao | cacao
milk | Milch | leche
""")

COLD_DRINKS = phrases("""
water | Wasser | agua
mineral water | Mineralwasser | agua mineral
red wine | Rotwein | vino tinto
white wine | Weißwein | vino blanco
sparkling wine | Sekt | vino espumoso
orange juice | Orangensaft | zumo de naranja
apple juice | Apfelsaft | zumo de manzana
tomato juice | Tomatensaft | zumo de tomate
lemonade | Limonade | limonada
beer | Bier | cerveza
""")

# Stirred into a hot drink.
ADDITIVES = phrases("""
sugar | Zucker | azúcar
honey | Honig | miel
cream | Sahne | nata
lemon | Zitrone | limón
cinnamon | Zimt | canela
""")

CONTAINERS = nouns("""
glass | das Glas/Gläser | el vaso
bottle | die Flasche/Flaschen | la botella
jug | der Krug/Krüge | la jarra
""")

TABLE_THINGS = nouns("""
menu | die Speisekarte/Speisekarten | la carta
bill | die Rechnung/Rechnungen | la cuenta
receipt | der Kassenbon/Kassenbons | el recibo
/napkins | /Servietten | las servilletas
ashtray | der Aschenbecher/Aschenbecher | el cenicero
""")
