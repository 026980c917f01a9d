"""Proper names: cities, countries, languages and first names."""

from __future__ import annotations

from models.phrasebook.tables import phrases

CITIES = phrases("""
Berlin | Berlin | Berlín
Munich | München | Múnich
Hamburg | Hamburg | Hamburgo
Cologne | Köln | Colonia
Frankfurt | Frankfurt | Fráncfort
Vienna | Wien | Viena
Zurich | Zürich | Zúrich
Geneva | Genf | Ginebra
Madrid | Madrid | Madrid
Barcelona | Barcelona | Barcelona
Seville | Sevilla | Sevilla
Valencia | Valencia | Valencia
Paris | Paris | París
London | London | Londres
Rome | Rom | Roma
Milan | Mailand | Milán
Lisbon | Lissabon | Lisboa
Prague | Prag | Praga
Brussels | Brüssel | Bruselas
Amsterdam | Amsterdam | Ámsterdam
Athens | Athen | Atenas
Copenhagen | Kopenhagen | Copenhague
Dublin | Dublin | Dublín
Warsaw | Warschau | Varsovia
""")

COUNTRIES = phrases("""
Germany | Deutschland | Alemania
Spain | Spanien | España
Austria | Österreich | Austria
France | Frankreich | Francia
Italy | Italien | Italia
Portugal | Portugal | Portugal
Poland | Polen | Polonia
England | England | Inglaterra
Ireland | Irland | Irlanda
Norway | Norwegen | Noruega
Sweden | Schweden | Suecia
Denmark | Dänemark | Dinamarca
Greece | Griechenland | Grecia
Mexico | Mexiko | México
Canada | Kanada | Canadá
Brazil | Brasilien | Brasil
Japan | Japan | Japón
Argentina | Argentinien | Argentina
""")

LANGUAGE_NAMES = phrases("""
German | Deutsch | alemán
Spanish | Spanisch | español
English | Englisch | inglés
French | Französisch | francés
Italian | Italienisch | italiano
Portuguese | Portugiesisch | portugués
Polish | Polnisch | polaco
Greek | Griechisch | griego
Japanese | Japanisch | japonés
Swedish | Schwedisch | sueco
""")

FIRST_NAMES = phrases("""
Anna | Anna | Anna
Laura | Laura | Laura
Julia | Julia | Julia
Sofia | Sofia | Sofía
Clara | Clara | Clara
Paula | Paula | Paula
Elena | Elena | Elena
Nina | Nina | Nina
Emma | Emma | Emma
Maria | Maria | María
Daniel | Daniel | Daniel
David | David | David
Martin | Martin | Martín
Oscar | Oskar | Óscar
Felix | Felix | Félix
Victor | Viktor | Víctor
Simon | Simon | Simón
Robert | Robert | Robert
Alexander | Alexander | Alexander
Leo | Leo | Leo
""")
