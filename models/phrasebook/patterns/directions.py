"""Sentence patterns for the way."""

from __future__ import annotations

TABLE = """
where_is
    Excuse me, where is {the:place}?
    Entschuldigung, wo ist {der:place}?
    Perdone, ¿dónde está {el:place}?
how_to_get
    How do I get to {the:place}?
    Wie komme ich {zum:place}?
    ¿Cómo llego {al:place}?
how_to_get_from
    How do I get from {the:place1} to {the:place2}?
    Wie komme ich {vom:place1} {zum:place2}?
    ¿Cómo voy {del:place1} {al:place2}?
opposite
    {the:place1} is opposite {the:place2}.
    {der:place1} ist gegenüber {vom:place2}.
    {el:place1} está enfrente {del:place2}.
next_to
    {the:place1} is next to {the:place2}.
    {der:place1} ist neben {dem:place2}.
    {el:place1} está al lado {del:place2}.
between
    {the:place1} is between {the:place2} and {the:place3}.
    {der:place1} ist zwischen {dem:place2} und {dem:place3}.
    {el:place1} está entre {el:place2} y {el:place3}.
turn_at
    Turn {side} at {the:landmark}.
    Biegen Sie {am:landmark} {adv:side} ab.
    Gire a la {side} en {el:landmark}.
straight_on
    Go straight on to {the:landmark}, then you'll see {the:place}.
    Gehen Sie geradeaus bis {zum:landmark}, dann sehen Sie {den:place}.
    Siga recto hasta {el:landmark}, luego verá {el:place}.
street_on_side
    Take the {ordinal} street on the {side}.
    Nehmen Sie die {f:ordinal} Straße {adv:side}.
    Tome la {f:ordinal} calle a la {side}.
through_passage
    Walk through {the:passage} and then turn {side} at {the:landmark}.
    Gehen Sie durch {den:passage} und biegen Sie dann {am:landmark} {adv:side} ab.
    Pase por {el:passage} y luego gire a la {side} en {el:landmark}.
on_side
    You'll find {the:place} on the {side} after {the:landmark}.
    Sie finden {den:place} hinter {dem:landmark} auf der {adj:side} Seite.
    Encontrará {el:place} a la {side} después {del:landmark}.
superlative
    Where is {the:venue+superlative} in {city}?
    Wo ist {der:venue+superlative} in {city}?
    ¿Dónde está {el:venue+superlative} de {city}?
kilometres
    {the:place} is {count} kilometres from here.
    {der:place} ist {count} Kilometer von hier entfernt.
    {el:place} está a {count} kilómetros de aquí.
on_foot
    On foot it's {number} minutes to {the:place}.
    Zu Fuß sind es {number} Minuten bis {zum:place}.
    A pie son {number} minutos hasta {el:place}.
line_goes
    Does {this:cityline} go to {the:place}?
    Fährt {dieser:cityline} {zum:place}?
    ¿Va {este:cityline} {al:place}?
get_off
    Get off at {the:place} and then ask again.
    Steigen Sie {am:place} aus und fragen Sie dann noch einmal.
    Baje en {el:place} y luego pregunte otra vez.
far_from
    Is it far from {the:place1} to {the:place2}?
    Ist es weit {vom:place1} {zum:place2}?
    ¿Hay mucha distancia {del:place1} {al:place2}?
cannot_find
    I'm looking for {the:place}, but I can't find it.
    Ich suche {den:place}, aber ich finde {ihn|sie|es:place} nicht.
    Busco {el:place}, pero no {lo|la:place} encuentro.
show_on_map
    Can you show me {the:place} on the map?
    Können Sie mir {den:place} auf dem Stadtplan zeigen?
    ¿Puede mostrarme {el:place} en el plano?
opening_on
    {the:venue} {is/are:venue} {opening} on {weekday}.
    {der:venue} ist am {weekday} {opening}.
    {el:venue} está {pred:venue+opening} el {one:weekday}.
indoor_floor
    {the:indoor} {is/are:indoor} on the {ordinal} floor.
    {der:indoor} ist im {m:ordinal} Stock.
    {el:indoor} {está/están:indoor} en el {m:ordinal} piso.
indoor_corridor
    {the:indoor} {is/are:indoor} on the {side} at the end of the corridor.
    {der:indoor} ist am Ende des Flurs {adv:side}.
    {el:indoor} {está/están:indoor} al final del pasillo a la {side}.
excuse_indoor
    Excuse me, I'm looking for {the:indoor}.
    Entschuldigung, ich suche {den:indoor}.
    Perdone, busco {el:indoor}.
bus_from_place
    Where does the bus to {the:place} stop?
    Wo hält der Bus {zum:place}?
    ¿Dónde para el autobús {al:place}?
drive_to
    Could you drive me to {the:place}, please?
    Könnten Sie mich bitte {zum:place} fahren?
    ¿Podría llevarme {al:place}, por favor?
"""
