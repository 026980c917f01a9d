"""Numbers, clock times, prices, days and other expressions of time."""

from __future__ import annotations

from models.phrasebook.entries import Phrase
from models.phrasebook.tables import phrases

COUNTS = phrases("""
two | zwei | dos
three | drei | tres
four | vier | cuatro
five | fünf | cinco
six | sechs | seis
seven | sieben | siete
eight | acht | ocho
nine | neun | nueve
ten | zehn | diez
eleven | elf | once
twelve | zwölf | doce
""")

# Above twelve; Spanish forms do not change with gender.
LARGE_NUMBERS = phrases("""
thirteen | dreizehn | trece
fourteen | vierzehn | catorce
fifteen | fünfzehn | quince
sixteen | sechzehn | dieciséis
seventeen | siebzehn | diecisiete
eighteen | achtzehn | dieciocho
nineteen | neunzehn | diecinueve
twenty | zwanzig | veinte
twenty-five | fünfundzwanzig | veinticinco
thirty | dreißig | treinta
thirty-five | fünfunddreißig | treinta y cinco
forty | vierzig | cuarenta
forty-five | fünfundvierzig | cuarenta y cinco
fifty | fünfzig | cincuenta
sixty | sechzig | sesenta
seventy | siebzig | setenta
eighty | achtzig | ochenta
ninety | neunzig | noventa
one hundred | hundert | cien
""")

AGES = LARGE_NUMBERS[7:-1]

ORDINALS = phrases(
    """
first | ersten; erste | primer; primera
second | zweiten; zweite | segundo; segunda
third | dritten; dritte | tercer; tercera
fourth | vierten; vierte | cuarto; cuarta
fifth | fünften; fünfte | quinto; quinta
sixth | sechsten; sechste | sexto; sexta
seventh | siebten; siebte | séptimo; séptima
""",
    de="m f",
    es="m f",
)

WEEKDAYS = phrases(
    """
Monday | Montag | lunes; lunes
Tuesday | Dienstag | martes; martes
Wednesday | Mittwoch | miércoles; miércoles
Thursday | Donnerstag | jueves; jueves
Friday | Freitag | viernes; viernes
Saturday | Samstag | sábado; sábados
Sunday | Sonntag | domingo; domingos
""",
    es="one all",
)

MONTHS = phrases("""
January | Januar | enero
February | Februar | febrero
March | März | marzo
April | April | abril
May | Mai | mayo
June | Juni | junio
July | Juli | julio
August | August | agosto
September | September | septiembre
October | Oktober | octubre
November | November | noviembre
December | Dezember | diciembre
""")

SEASONS = phrases("""
spring | Frühling | primavera
summer | Sommer | verano
autumn | Herbst | otoño
winter | Winter | invierno
""")

FUTURE_TIMES = phrases("""
today | heute | hoy
tomorrow | morgen | mañana
tonight | heute Abend | esta noche
this afternoon | heute Nachmittag | esta tarde
tomorrow morning | morgen früh | mañana por la mañana
tomorrow afternoon | morgen Nachmittag | mañana por la tarde
on Monday | am Montag | el lunes
on Tuesday | am Dienstag | el martes
on Wednesday | am Mittwoch | el miércoles
on Thursday | am Donnerstag | el jueves
on Friday | am Freitag | el viernes
at the weekend | am Wochenende | el fin de semana
next week | nächste Woche | la próxima semana
next month | nächsten Monat | el próximo mes
""")

PAST_TIMES = phrases("""
yesterday | gestern | ayer
last week | letzte Woche | la semana pasada
last month | letzten Monat | el mes pasado
last year | letztes Jahr | el año pasado
last summer | letzten Sommer | el verano pasado
two days ago | vor zwei Tagen | hace dos días
three weeks ago | vor drei Wochen | hace tres semanas
""")

PERIODS = phrases(
    """
minutes | Minuten; Minuten | minutos
hours | Stunden; Stunden | horas
days | Tage; Tagen | días
weeks | Wochen; Wochen | semanas
months | Monate; Monaten | meses
years | Jahre; Jahren | años
""",
    de="akk dat",
)

SPANS = PERIODS[2:]

FREQUENCIES = phrases("""
often | oft | a menudo
sometimes | manchmal | a veces
almost always | fast immer | casi siempre
almost never | fast nie | casi nunca
usually | normalerweise | normalmente
""")

_HOURS = phrases("""
one | eins | la una
two | zwei | las dos
three | drei | las tres
four | vier | las cuatro
five | fünf | las cinco
six | sechs | las seis
seven | sieben | las siete
eight | acht | las ocho
nine | neun | las nueve
ten | zehn | las diez
eleven | elf | las once
twelve | zwölf | las doce
""")


def _clock(hour: int) -> tuple[Phrase, ...]:
    """Full hour, quarter past, half past and quarter to; German 'halb' names the next hour."""
    en, de, es = _HOURS[hour].en[""], _HOURS[hour].de[""], _HOURS[hour].es[""]
    following = _HOURS[(hour + 1) % len(_HOURS)].de[""]
    return phrases(f"""
{en} o'clock | {de.removesuffix("s") if hour == 0 else de} Uhr | {es}
quarter past {en} | Viertel nach {de} | {es} y cuarto
half past {en} | halb {following} | {es} y media
quarter to {en} | Viertel vor {de} | {es} menos cuarto
""")


def _prices() -> tuple[Phrase, ...]:
    """Whole euros, and for the small ones some with cents."""
    tens = [number for number in LARGE_NUMBERS if number.en[""].endswith("ty")]
    rows = [
        f"{number.en['']} euros | {number.de['']} Euro | {number.es['']} euros"
        for number in (*COUNTS, *LARGE_NUMBERS)
    ]
    rows += [
        f"{euros.en['']} euros {cents.en['']} | {euros.de['']} Euro {cents.de['']}"
        f" | {euros.es['']} euros con {cents.es['']}"
        for euros, cents in zip(COUNTS, tens * 2, strict=False)
    ]
    return phrases("\n".join(rows))


CLOCK_TIMES = tuple(phrase for hour in range(len(_HOURS)) for phrase in _clock(hour))
PRICES = _prices()
