"""Sentence patterns for shops, cafés and restaurants."""

from __future__ import annotations

TABLE = """
looking_for_garment
    I'm looking for {a:garment+colour}.
    Ich suche {einen:garment+colour}.
    Busco {un:garment+colour}.
garment_price
    How much {is/are:garment} {this:garment+style}?
    Wie viel {kostet/kosten:garment} {dieser:garment+style}?
    ¿Cuánto {cuesta/cuestan:garment} {este:garment+style}?
try_on
    Can I try on {this:garment+colour}?
    Kann ich {diesen:garment+colour} anprobieren?
    ¿Puedo probarme {este:garment+colour}?
garment_size
    {this:garment} {is/are:garment} too {size}.
    {dieser:garment} {ist/sind:garment} zu {size}.
    {este:garment} {es/son:garment} demasiado {pred:garment+size}.
like_but
    I like {the:garment}, but {it's/they're:garment} too {size}.
    Mir {gefällt/gefallen:garment} {der:garment},
        aber {er|sie|es|sie:garment} {ist/sind:garment} zu {size}.
    Me {gusta/gustan:garment} {el:garment}, pero {es/son:garment} demasiado {pred:garment+size}.
garment_for_occasion
    I need {a:garment+style} for {the:occasion}.
    Ich brauche {einen:garment+style} {fürs:occasion}.
    Necesito {un:garment+style} para {el:occasion}.
exchange
    I'd like to exchange {this:garment} because {it's/they're:garment} too {size}.
    Ich möchte {diesen:garment} umtauschen,
        weil {er|sie|es|sie:garment} zu {size} {ist/sind:garment}.
    Quisiera cambiar {este:garment} porque {es/son:garment} demasiado {pred:garment+size}.
good_costs
    {this:good} costs {price}.
    {dieser:good} kostet {price}.
    {este:good} cuesta {price}.
take_good
    I'll take {the:good+make}, please.
    Ich nehme bitte {den:good+make}.
    Me llevo {el:good+make}, por favor.
do_you_sell
    Do you also sell {make} {bare*:good}?
    Verkaufen Sie auch {akk*:good+make}?
    ¿También vende {bare*:good+make}?
count_goods
    I'd like {count} {bare*:good}, please.
    Ich möchte bitte {count} {akk*:good}.
    Quisiera {count} {bare*:good}, por favor.
good_for_relative
    I'm looking for {a:good} for my {bare:relative}.
    Ich suche {einen:good} für {meinen:relative}.
    Busco {un:good} para {mi:relative}.
present_for
    I need a present for my {bare:relative}, but I have little time.
    Ich brauche ein Geschenk für {meinen:relative}, aber ich habe wenig Zeit.
    Necesito un regalo para {mi:relative}, pero tengo poco tiempo.
kilo_produce
    I'd like a kilo of {bare:produce}, please.
    Ich möchte bitte ein Kilo {akk:produce}.
    Quisiera un kilo de {bare:produce}, por favor.
kilos_price
    {count} kilos of {bare:produce} cost {price}.
    {count} Kilo {nom:produce} kosten {price}.
    {count} kilos de {bare:produce} cuestan {price}.
produce_origin
    Are {the:produce} from {country}?
    Sind {der:produce} aus {country}?
    ¿Son de {country} {el:produce}?
altogether
    That's {price} altogether.
    Das macht zusammen {price}.
    Son {price} en total.
order_dish
    I'd like {the:dish} without {ingredient}, please.
    Ich möchte bitte {den:dish} ohne {ingredient}.
    Quisiera {el:dish} sin {ingredient}, por favor.
dish_with
    {the:dish} with {bare:produce} costs {price}.
    {der:dish} mit {dat:produce} kostet {price}.
    {el:dish} con {bare:produce} cuesta {price}.
dish_contains
    Is there any {ingredient} in {the:dish}?
    Ist {im:dish} {ingredient}?
    ¿Hay {ingredient} en {el:dish}?
prefer_dish
    Would you prefer {the:dish1} or {the:dish2}?
    Möchten Sie lieber {den:dish1} oder {den:dish2}?
    ¿Prefiere {el:dish1} o {el:dish2}?
recommend_dish
    The waiter recommends {the:dish} with {bare:produce}.
    Der Kellner empfiehlt {den:dish} mit {dat:produce}.
    El camarero recomienda {el:dish} con {bare:produce}.
dish_flavour
    {the:dish} is too {flavour}.
    {der:dish} ist zu {flavour}.
    {el:dish} está demasiado {pred:dish+flavour}.
hot_drink
    A cup of {hotdrink} with {additive}, please.
    Eine Tasse {hotdrink} mit {additive}, bitte.
    Una taza de {hotdrink} con {additive}, por favor.
cold_drink
    We'd like {a:container} of {colddrink}, please.
    Wir möchten bitte {einen:container} {colddrink}.
    Quisiéramos {un:container} de {colddrink}, por favor.
drink_choice
    Would you prefer {hotdrink} or {colddrink}?
    Möchten Sie lieber {hotdrink} oder {colddrink}?
    ¿Prefiere {hotdrink} o {colddrink}?
table_for
    I've booked a table for {count} people at {clock}.
    Ich habe einen Tisch für {count} Personen um {clock} reserviert.
    He reservado una mesa para {count} personas a {clock}.
bring_thing
    Could you bring us {the:tablething} and {a:container} of {colddrink}, please?
    Könnten Sie uns bitte {den:tablething} und {einen:container} {colddrink} bringen?
    ¿Podría traernos {el:tablething} y {un:container} de {colddrink}, por favor?
closing_time
    When does {the:venue} close {when}?
    Wann schließt {der:venue} {when}?
    ¿Cuándo cierra {el:venue} {when}?
"""
