"""Sentence patterns for small talk."""

from __future__ import annotations

TABLE = """
weather_today
    It's {weather} in {city} today.
    In {city} ist es heute {weather}.
    Hoy {now:weather} en {city}.
weather_tomorrow
    It will be {weather} in {city} tomorrow.
    Morgen wird es in {city} {weather}.
    Mañana {later:weather} en {city}.
weather_plan
    If it's {weather} tomorrow, we'll go to {the:venue}.
    Wenn es morgen {weather} ist, gehen wir {wohin:venue}.
    Si mañana {now:weather}, iremos {al:venue}.
like_hobby
    In {season} I like to {base:hobby} {obj:hobby}.
    Im {season} {ich:hobby} ich gern {obj:hobby}.
    En {season} me gusta {inf:hobby} {obj:hobby}.
name_hobby
    {name} {third:hobby} {obj:hobby} every {weekday}.
    {name} {er:hobby} jeden {weekday} {obj:hobby}.
    {name} {third:hobby} {obj:hobby} todos los {all:weekday}.
season_hobby
    In {season} I {frequency} {base:hobby} {obj:hobby}.
    Im {season} {ich:hobby} ich {frequency} {obj:hobby}.
    En {season} {frequency} {yo:hobby} {obj:hobby}.
relative_hobby
    My {bare:relative} {frequency} {third:hobby} {obj:hobby}.
    {mein:relative} {er:hobby} {frequency} {obj:hobby}.
    {mi:relative} {frequency} {third:hobby} {obj:hobby}.
invite_hobby
    Would you like to {base:hobby} {obj:hobby} with us {when}?
    Möchten Sie {when} mit uns {obj:hobby} {inf:hobby}?
    ¿Quiere {inf:hobby} {obj:hobby} con nosotros {when}?
works_at
    My {bare:relative} works {at:venue+superlative} in {city}.
    {mein:relative} arbeitet {wo:venue+superlative} in {city}.
    {mi:relative} trabaja en {el:venue+superlative} de {city}.
lives_in
    My {bare:relative} has lived in {city} for {count} {span}.
    {mein:relative} lebt seit {count} {dat:span} in {city}.
    {mi:relative} vive en {city} desde hace {count} {span}.
speaks
    My {bare:relative} speaks {tongue} and a little {tongue2}.
    {mein:relative} spricht {tongue} und ein wenig {tongue2}.
    {mi:relative} habla {tongue} y un poco de {tongue2}.
learning
    I've been learning {tongue} for {count} {span}.
    Ich lerne seit {count} {dat:span} {tongue}.
    Aprendo {tongue} desde hace {count} {span}.
comes_from
    {name} comes from {country} but lives in {city}.
    {name} kommt aus {country}, lebt aber in {city}.
    {name} es de {country}, pero vive en {city}.
mood_today
    My {bare:relative} is very {mood} today.
    {mein:relative} ist heute sehr {mood}.
    {mi:relative} está muy {pred:relative+mood} hoy.
trait_profession
    {our:profession} is very {trait}.
    {unser:profession} ist sehr {trait}.
    {nuestro:profession} es muy {pred:profession+trait}.
trait_relative
    Your {bare:relative} seems very {trait}.
    {Ihr:relative} wirkt sehr {trait}.
    {su:relative} parece muy {pred:relative+trait}.
compare_relatives
    My {bare:relative1} is {comparative} than my {bare:relative2}.
    {mein:relative1} ist {comparative} als {mein:relative2}.
    {mi:relative1} es {pred:relative1+comparative} que {mi:relative2}.
event_was
    {the:event} was very {judgement}.
    {der:event} war sehr {judgement}.
    {el:event} fue muy {pred:event+judgement}.
did_name_like
    Did {name} like {the:event}?
    Hat {name} {der:event} gefallen?
    ¿Le gustó a {name} {el:event}?
coming_to
    Are you coming to {the:occasion} {when}?
    Kommen Sie {when} {zum:occasion}?
    ¿Viene {al:occasion} {when}?
animal_coat
    My {bare:relative} has {a:animal+coat}.
    {mein:relative} hat {einen:animal+coat}.
    {mi:relative} tiene {un:animal+coat}.
animals_count
    My {bare:relative} has {count} {bare*:animal}.
    {mein:relative} hat {count} {akk*:animal}.
    {mi:relative} tiene {count} {bare*:animal}.
afraid_of
    My {bare:relative} is afraid of {coat} {bare*:animal}.
    {mein:relative} hat Angst vor {dat*:animal+coat}.
    {mi:relative} tiene miedo a {el*:animal+coat}.
holiday_scenery
    We spent our holiday {scenery}.
    Wir haben unseren Urlaub {scenery} verbracht.
    Pasamos nuestras vacaciones {scenery}.
house_scenery
    My {bare:relative} has a house {scenery}.
    {mein:relative} hat ein Haus {scenery}.
    {mi:relative} tiene una casa {scenery}.
season_scenery
    In {season} my {bare:relative} lives {scenery}.
    Im {season} lebt {mein:relative} {scenery}.
    En {season} {mi:relative} vive {scenery}.
past_errand
    I {past:errand} {obj:errand} {past}.
    Ich habe {past} {obj:errand} {part:errand}.
    {past} {past:errand} {obj:errand}.
already_errand
    Have you already {done:errand} {obj:errand}?
    Haben Sie schon {obj:errand} {part:errand}?
    ¿Ya ha {done:errand} {obj:errand}?
name_done_errand
    {name} has {done:errand} {obj:errand} today.
    {name} hat heute {obj:errand} {part:errand}.
    {name} ha {done:errand} {obj:errand} hoy.
forget_errand
    Don't forget to {base:errand} {obj:errand}.
    Vergessen Sie nicht, {obj:errand} {zu:errand}.
    No olvide {inf:errand} {obj:errand}.
hope_comes
    I hope that {name} comes {when}.
    Ich hoffe, dass {name} {when} kommt.
    Espero que {name} venga {when}.
siblings_count
    I have {count} {bare*:sibling} in {country}.
    Ich habe {count} {akk*:sibling} in {country}.
    Tengo {count} {bare*:sibling} en {country}.
age
    My {bare:relative} is {age} years old.
    {mein:relative} ist {age} Jahre alt.
    {mi:relative} tiene {age} años.
born_in
    My {bare:relative} was born in {city} in {month}.
    {mein:relative} ist im {month} in {city} geboren.
    {mi:relative} nació en {city} en {month}.
compliment
    I like your {colour} {bare:garment}.
    Mir {gefällt/gefallen:garment} {Ihr:garment+colour}.
    Me {gusta/gustan:garment} {su:garment+colour}.
thank_for
    Thank you very much for {the:good+make}.
    Vielen Dank für {den:good+make}.
    Muchas gracias por {el:good+make}.
meet_at
    We're meeting {name} at {clock} {at:place}.
    Wir treffen {name} um {clock} {wo:place}.
    Nos encontramos con {name} a {clock} en {el:place}.
long_time
    I haven't seen {name} for {count} {span}.
    Ich habe {name} seit {count} {dat:span} nicht gesehen.
    No veo a {name} desde hace {count} {span}.
do_you_know
    Do you know {the:venue+superlative} in {city}?
    Kennen Sie {den:venue+superlative} in {city}?
    ¿Conoce {el:venue+superlative} de {city}?
"""
