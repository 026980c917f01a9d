"""Sentence patterns for travelling."""

from __future__ import annotations

TABLE = """
ticket_to_city
    I'd like a ticket to {city} for {weekday}, please.
    Ich möchte bitte eine Fahrkarte nach {city} für {weekday}.
    Quisiera un billete a {city} para el {one:weekday}, por favor.
tickets_for_day
    We need {count} tickets to {city} for {weekday}.
    Wir brauchen {count} Fahrkarten nach {city} für {weekday}.
    Necesitamos {count} billetes a {city} para el {one:weekday}.
no_cash
    I'd like a ticket to {city}, but I have no cash.
    Ich möchte eine Fahrkarte nach {city}, aber ich habe kein Bargeld.
    Quisiera un billete a {city}, pero no tengo efectivo.
line_leaves
    {the:longline} to {city} leaves at {clock}.
    {der:longline} nach {city} fährt um {clock} ab.
    {el:longline} a {city} sale a {clock}.
flight_lands
    Our flight to {city} lands at {clock}.
    Unser Flug nach {city} landet um {clock}.
    Nuestro vuelo a {city} aterriza a {clock}.
platform
    Which platform does the train to {city} leave from?
    Von welchem Gleis fährt der Zug nach {city} ab?
    ¿De qué andén sale el tren a {city}?
change_in_city
    Do I have to change trains in {city}?
    Muss ich in {city} umsteigen?
    ¿Tengo que cambiar de tren en {city}?
delay
    {the:longline} from {city} is {number} minutes late.
    {der:longline} aus {city} hat {number} Minuten Verspätung.
    {el:longline} de {city} tiene {number} minutos de retraso.
missed_line
    We missed {the:line} because {name} was late.
    Wir haben {den:line} verpasst, weil {name} zu spät kam.
    Perdimos {el:line} porque {name} llegó tarde.
trip_length
    How long does the trip to {city} take?
    Wie lange dauert die Reise nach {city}?
    ¿Cuánto dura el viaje a {city}?
by_vehicle
    We're travelling to {country} by {bare:vehicle}.
    Wir reisen mit {dem:vehicle} nach {country}.
    Viajamos a {country} en {bare:vehicle}.
flying
    We're flying to {city} {when}.
    Wir fliegen {when} nach {city}.
    Volamos a {city} {when}.
never_been
    My {bare:relative} has never been to {country}.
    {mein:relative} war noch nie in {country}.
    {mi:relative} nunca ha estado en {country}.
country_in_season
    I'd like to travel to {country} in {season}.
    Ich möchte im {season} nach {country} reisen.
    Quisiera viajar a {country} en {season}.
holiday_begins
    Our holiday in {country} begins in {month}.
    Unser Urlaub in {country} beginnt im {month}.
    Nuestras vacaciones en {country} empiezan en {month}.
left_on_line
    I've left {my:belonging} on {the:line}.
    Ich habe {meinen:belonging} {wo:line} vergessen.
    He olvidado {mi:belonging} en {el:line}.
stolen
    Someone has stolen my {colour} {bare:belonging}.
    Jemand hat {meinen:belonging+colour} gestohlen.
    Me han robado {el:belonging+colour}.
here_is_belonging
    Here {is/are:belonging} {my:belonging}.
    Hier {ist/sind:belonging} {mein:belonging}.
    Aquí {está/están:belonging} {mi:belonging}.
find_belonging
    I can't find my {colour} {bare:belonging}.
    Ich kann {meinen:belonging+colour} nicht finden.
    No encuentro {mi:belonging+colour}.
belonging_condition
    {my:belonging} {is/are:belonging} {condition}.
    {mein:belonging} {ist/sind:belonging} {condition}.
    {mi:belonging} {está/están:belonging} {pred:belonging+condition}.
where_leave
    Where can I leave {my:belonging}?
    Wo kann ich {meinen:belonging} lassen?
    ¿Dónde puedo dejar {mi:belonging}?
room_nights
    I'd like a room with {a:comfort} for {count} nights.
    Ich möchte ein Zimmer mit {einem:comfort} für {count} Nächte.
    Quisiera una habitación con {bare:comfort} para {count} noches.
room_comfort
    Do you have a room with {a:comfort+make}?
    Haben Sie ein Zimmer mit {einem:comfort+make}?
    ¿Tiene una habitación con {un:comfort+make}?
room_floor
    Your room is on the {ordinal} floor, next to {the:indoor}.
    Ihr Zimmer ist im {m:ordinal} Stock neben {dem:indoor}.
    Su habitación está en el {m:ordinal} piso, al lado {del:indoor}.
leave_room
    We have to leave the hotel at {clock}.
    Wir müssen das Hotel um {clock} verlassen.
    Tenemos que dejar el hotel a {clock}.
room_device
    {the:device} in my room isn't working.
    {der:device} in meinem Zimmer funktioniert nicht.
    {el:device} de mi habitación no funciona.
want_errand
    I'd like to {base:errand} {obj:errand} {when}.
    Ich möchte {when} {obj:errand} {inf:errand}.
    Quisiera {inf:errand} {obj:errand} {when}.
no_time_errand
    {name} had no time to {base:errand} {obj:errand}.
    {name} hatte keine Zeit, {obj:errand} {zu:errand}.
    {name} no tuvo tiempo de {inf:errand} {obj:errand}.
"""
