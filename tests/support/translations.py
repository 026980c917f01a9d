"""Sentences of the bundled translator's domain that mean the same in all its languages."""

from __future__ import annotations

from itertools import permutations

PARALLEL = {
    "en": [
        "Clara has locked the door today.",
        "I have an appointment with the dentist at quarter past three.",
        "I'd like a room with a terrace for six nights.",
        "A cup of milk with honey, please.",
        "Can I try on this grey coat?",
    ],
    "de": [
        "Clara hat heute die Tür abgeschlossen.",
        "Ich habe um Viertel nach drei einen Termin beim Zahnarzt.",
        "Ich möchte ein Zimmer mit einer Terrasse für sechs Nächte.",
        "Eine Tasse Milch mit Honig, bitte.",
        "Kann ich diesen grauen Mantel anprobieren?",
    ],
    "es": [
        "Clara ha cerrado la puerta con llave hoy.",
        "Tengo una cita con el dentista a las tres y cuarto.",
        "Quisiera una habitación con terraza para seis noches.",
        "Una taza de leche con miel, por favor.",
        "¿Puedo probarme este abrigo gris?",
    ],
}
DIRECTIONS = list(permutations(PARALLEL, 2))
