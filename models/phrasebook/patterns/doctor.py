"""Sentence patterns for the doctor and the pharmacy."""

from __future__ import annotations

TABLE = """
part_hurts
    My {bare:body} has been hurting for {count} {period}.
    Mir tut seit {count} {dat:period} {der:body} weh.
    Me duele {el:body} desde hace {count} {period}.
hurts_when
    My {bare:body} hurts when I {movement}.
    Mir tut {der:body} weh, wenn ich {movement}.
    Me duele {el:body} cuando {movement}.
parts_swollen
    My {bare*:paired} have been swollen for {count} {span}.
    Meine {nom*:paired} sind seit {count} {dat:span} geschwollen.
    Tengo {el*:paired} {hinchados|hinchadas:paired} desde hace {count} {span}.
broken_bone
    I broke my {bare:bone} {past}.
    Ich habe mir {past} {den:bone} gebrochen.
    {past} me rompí {el:bone}.
have_illness
    I've had {illness} for {count} {period}.
    Ich habe seit {count} {dat:period} {illness}.
    Tengo {bare:illness} desde hace {count} {period}.
relative_illness
    My {bare:relative} has {illness}.
    {mein:relative} hat {illness}.
    {mi:relative} tiene {bare:illness}.
anything_for
    Do you have anything for {illness}?
    Haben Sie etwas gegen {illness}?
    ¿Tiene algo para {the:illness}?
ever_had
    Have you ever had {illness}?
    Hatten Sie schon einmal {illness}?
    ¿Ha tenido alguna vez {bare:illness}?
take_remedy
    Take {this:remedy} {dose}.
    Nehmen Sie {diesen:remedy} {dose}.
    Tome {este:remedy} {dose}.
remedy_before
    Should I take {the:remedy} {dose}?
    Soll ich {den:remedy} {dose} nehmen?
    ¿Debo tomar {el:remedy} {dose}?
prescription_for
    Do I need a prescription for {this:remedy}?
    Brauche ich ein Rezept für {diesen:remedy}?
    ¿Necesito una receta para {este:remedy}?
need_medical
    I need {a:medical} for my {bare:relative}.
    Ich brauche {einen:medical} für {meinen:relative}.
    Necesito {un:medical} para {mi:relative}.
gives_medical
    {the:clinician} will give you {a:medical}.
    {der:clinician} wird Ihnen {einen:medical} geben.
    {el:clinician} le dará {un:medical}.
allergic_me
    I'm allergic to {allergen1} and {allergen2}.
    Ich bin allergisch gegen {allergen1} und {allergen2}.
    Tengo alergia {allergen1} y {allergen2}.
allergic_relative
    My {bare:relative} is allergic to {allergen}.
    {mein:relative} ist allergisch gegen {allergen}.
    {mi:relative} tiene alergia {allergen}.
appointment
    I have an appointment with {the:clinician} at {clock}.
    Ich habe um {clock} einen Termin {beim:clinician}.
    Tengo una cita con {el:clinician} a {clock}.
should_advice
    You should {advice}.
    Sie sollten {advice}.
    Usted debería {advice}.
relative_advice
    Your {bare:relative} should {advice}.
    {Ihr:relative} sollte {advice}.
    {su:relative} debería {advice}.
doctor_says
    {the:clinician} says that I have to {advice}.
    {der:clinician} sagt, dass ich {advice} muss.
    {el:clinician} dice que tengo que {advice}.
in_hospital
    My {bare:relative} has been in hospital for {count} {span}.
    {mein:relative} ist seit {count} {dat:span} im Krankenhaus.
    {mi:relative} está en el hospital desde hace {count} {span}.
come_back
    Please come back in {count} {period}.
    Kommen Sie bitte in {count} {dat:period} wieder.
    Por favor, vuelva dentro de {count} {period}.
call_clinician
    Please call {the:clinician} because my {bare:relative} is ill.
    Rufen Sie bitte {den:clinician}, weil {mein:relative} krank ist.
    Por favor, llame {al:clinician} porque {mi:relative} está {enfermo|enferma:relative}.
examine_part
    {the:clinician} has to examine your {bare:body}.
    {der:clinician} muss {Ihren:body} untersuchen.
    {el:clinician} tiene que examinarle {el:body}.
"""
