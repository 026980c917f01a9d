"""Sentence patterns for meetings and the office."""

from __future__ import annotations

TABLE = """
affair_starts
    {the:affair} starts at {clock}.
    {der:affair} beginnt um {clock}.
    {el:affair} empieza a {clock}.
affair_moved
    {the:affair} has been moved to {weekday}.
    {der:affair} wurde auf {weekday} verschoben.
    {el:affair} se ha aplazado al {one:weekday}.
affair_length
    How long is {the:affair} {when}?
    Wie lange dauert {der:affair} {when}?
    ¿Cuánto dura {el:affair} {when}?
affair_lasts
    {the:affair} lasts {count} {period}.
    {der:affair} dauert {count} {akk:period}.
    {el:affair} dura {count} {period}.
affair_with
    We have {a:encounter} with {the:profession} {when}.
    Wir haben {when} {einen:encounter} mit {dem:profession}.
    Tenemos {un:encounter} con {el:profession} {when}.
could_you_task
    Could you {base:task} {obj:task} by {weekday}?
    Könnten Sie {obj:task} bis {weekday} {inf:task}?
    ¿Podría {inf:task} {obj:task} antes del {one:weekday}?
have_to_task
    I have to {base:task} {obj:task} {when}.
    Ich muss {when} {obj:task} {inf:task}.
    Tengo que {inf:task} {obj:task} {when}.
already_task
    {the:profession} has already {done:task} {obj:task}.
    {der:profession} hat {obj:task} schon {part:task}.
    {el:profession} ya ha {done:task} {obj:task}.
not_yet_task
    We haven't {done:task} {obj:task} yet.
    Wir haben {obj:task} noch nicht {part:task}.
    Todavía no hemos {done:task} {obj:task}.
cannot_come
    I can't come {when} because I have to {base:task} {obj:task}.
    Ich kann {when} nicht kommen, weil ich {obj:task} {inf:task} muss.
    No puedo venir {when} porque tengo que {inf:task} {obj:task}.
name_will_task
    {name} will {base:task} {obj:task} {when}.
    {name} wird {when} {obj:task} {inf:task}.
    {name} va a {inf:task} {obj:task} {when}.
name_done_task
    I hope that {name} has {done:task} {obj:task}.
    Ich hoffe, dass {name} {obj:task} {part:task} hat.
    Espero que {name} haya {done:task} {obj:task}.
talk_about
    We need to talk about {the:matter} {when}.
    Wir müssen {when} über {den:matter} sprechen.
    Tenemos que hablar sobre {el:matter} {when}.
responsible
    Who is responsible for {the:matter}?
    Wer ist für {den:matter} verantwortlich?
    ¿Quién es el responsable {del:matter}?
think_of
    What do you think of {the:matter}?
    Was halten Sie {vom:matter}?
    ¿Qué opina {del:matter}?
agree_with
    I don't agree with {the:matter}.
    Ich bin mit {dem:matter} nicht einverstanden.
    No estoy de acuerdo con {el:matter}.
show_matter
    Please show {the:profession} {the:paper}.
    Zeigen Sie {dem:profession} bitte {den:paper}.
    Por favor, muestre {el:paper} {al:profession}.
mistake_in
    {the:profession} has found a mistake in {the:paper}.
    {der:profession} hat {im:paper} einen Fehler gefunden.
    {el:profession} ha encontrado un error en {el:paper}.
matter_judgement
    I think {the:matter} is very {judgement}.
    Ich finde {den:matter} sehr {judgement}.
    Creo que {el:matter} es muy {pred:matter+judgement}.
device_room
    {the:device} in the conference room {is/are:device} {condition}.
    {der:device} im Konferenzraum ist {condition}.
    {el:device} de la sala de conferencias está {pred:device+condition}.
who_repairs
    Who can repair {the:device}?
    Wer kann {den:device} reparieren?
    ¿Quién puede reparar {el:device}?
speak_to
    I'd like to speak to {the:profession} {when}.
    Ich möchte {when} mit {dem:profession} sprechen.
    Quisiera hablar con {el:profession} {when}.
on_holiday
    {the:profession} is on holiday until {weekday}.
    {der:profession} ist bis {weekday} im Urlaub.
    {el:profession} está de vacaciones hasta el {one:weekday}.
in_office
    Do you know if {name} is in the office {when}?
    Wissen Sie, ob {name} {when} im Büro ist?
    ¿Sabe si {name} está en la oficina {when}?
more_time
    We need {count} more {period} for {the:matter}.
    Wir brauchen noch {count} {akk:period} {fürs:matter}.
    Necesitamos {count} {period} más para {el:matter}.
interpreter
    {name} needs an interpreter for {tongue} {when}.
    {name} braucht {when} einen Dolmetscher für {tongue}.
    {name} necesita un intérprete de {tongue} {when}.
"""
