"""The phrasebook grammar: parallel, one-to-one, correctly inflected and evenly covered."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict

import pytest

from models import phrasebook
from models.phrasebook import GrammarError, Sentence
from models.phrasebook.entries import Adjective, Entry, Noun
from models.phrasebook.lexicon import LEXICON
from models.phrasebook.patterns import PATTERNS
from models.phrasebook.tables import adjectives, nouns, phrases
from models.phrasebook.templates import class_of, compile_patterns
from models.phrasebook.weights import combinations

TOPICS = {"travel", "shop", "meeting", "doctor", "directions", "small_talk"}
ALPHABETS = {"en": "a-zé", "de": "a-zäöüßé", "es": "a-záéíóúüñ"}

# Pattern, the English of the entries in its slots, and the sentence in all languages.
GOLDEN = """
travel.stolen | belonging=bag colour=yellow
    Someone has stolen my yellow bag.
    Jemand hat meine gelbe Tasche gestohlen.
    Me han robado el bolso amarillo.
travel.stolen | belonging=glasses colour=brown
    Someone has stolen my brown glasses.
    Jemand hat meine braune Brille gestohlen.
    Me han robado las gafas marrones.
travel.left_on_line | belonging=umbrella line=ferry
    I've left my umbrella on the ferry.
    Ich habe meinen Regenschirm auf der Fähre vergessen.
    He olvidado mi paraguas en el ferri.
travel.here_is_belonging | belonging=glasses
    Here are my glasses.
    Hier ist meine Brille.
    Aquí están mis gafas.
travel.line_leaves | longline=bus city=Cologne clock=half_past_twelve
    The bus to Cologne leaves at half past twelve.
    Der Bus nach Köln fährt um halb eins ab.
    El autobús a Colonia sale a las doce y media.
travel.flight_lands | city=Munich clock=one_o'clock
    Our flight to Munich lands at one o'clock.
    Unser Flug nach München landet um ein Uhr.
    Nuestro vuelo a Múnich aterriza a la una.
travel.no_time_errand | name=Victor errand=lock
    Victor had no time to lock the door.
    Viktor hatte keine Zeit, die Tür abzuschließen.
    Víctor no tuvo tiempo de cerrar la puerta con llave.
travel.missed_line | line=tram name=Sofia
    We missed the tram because Sofia was late.
    Wir haben die Straßenbahn verpasst, weil Sofia zu spät kam.
    Perdimos el tranvía porque Sofía llegó tarde.
shop.looking_for_garment | garment=dress colour=red
    I'm looking for a red dress.
    Ich suche ein rotes Kleid.
    Busco un vestido rojo.
shop.looking_for_garment | garment=boots colour=blue
    I'm looking for some blue boots.
    Ich suche blaue Stiefel.
    Busco unas botas azules.
shop.garment_for_occasion | garment=jacket style=dark occasion=excursion
    I need a dark jacket for the excursion.
    Ich brauche eine dunkle Jacke für den Ausflug.
    Necesito una chaqueta oscura para la excursión.
shop.exchange | garment=trousers size=tight
    I'd like to exchange these trousers because they're too tight.
    Ich möchte diese Hose umtauschen, weil sie zu eng ist.
    Quisiera cambiar estos pantalones porque son demasiado estrechos.
shop.like_but | garment=skirt size=expensive
    I like the skirt, but it's too expensive.
    Mir gefällt der Rock, aber er ist zu teuer.
    Me gusta la falda, pero es demasiado cara.
shop.do_you_sell | good=knife make=small
    Do you also sell small knives?
    Verkaufen Sie auch kleine Messer?
    ¿También vende cuchillos pequeños?
shop.dish_flavour | dish=soup flavour=sour
    The soup is too sour.
    Die Suppe ist zu sauer.
    La sopa está demasiado agria.
shop.recommend_dish | dish=omelette produce=onions
    The waiter recommends the omelette with onions.
    Der Kellner empfiehlt das Omelett mit Zwiebeln.
    El camarero recomienda la tortilla con cebollas.
shop.produce_origin | produce=apples country=Austria
    Are the apples from Austria?
    Sind die Äpfel aus Österreich?
    ¿Son de Austria las manzanas?
shop.good_costs | good=mirror price=twenty-five_euros
    This mirror costs twenty-five euros.
    Dieser Spiegel kostet fünfundzwanzig Euro.
    Este espejo cuesta veinticinco euros.
meeting.affair_with | encounter=meeting profession=customer when=tomorrow_morning
    We have a meeting with the customer tomorrow morning.
    Wir haben morgen früh eine Besprechung mit dem Kunden.
    Tenemos una reunión con el cliente mañana por la mañana.
meeting.cannot_come | when=on_Friday task=print
    I can't come on Friday because I have to print the document.
    Ich kann am Freitag nicht kommen, weil ich das Dokument ausdrucken muss.
    No puedo venir el viernes porque tengo que imprimir el documento.
meeting.name_done_task | name=Oscar task=translate
    I hope that Oscar has translated the text.
    Ich hoffe, dass Oskar den Text übersetzt hat.
    Espero que Óscar haya traducido el texto.
meeting.show_matter | profession=lawyer paper=contract
    Please show the lawyer the contract.
    Zeigen Sie der Anwältin bitte den Vertrag.
    Por favor, muestre el contrato a la abogada.
meeting.think_of | matter=problem
    What do you think of the problem?
    Was halten Sie vom Problem?
    ¿Qué opina del problema?
doctor.hurts_when | body=hand movement=get_up
    My hand hurts when I get up.
    Mir tut die Hand weh, wenn ich aufstehe.
    Me duele la mano cuando me levanto.
doctor.parts_swollen | paired=foot count=three span=days
    My feet have been swollen for three days.
    Meine Füße sind seit drei Tagen geschwollen.
    Tengo los pies hinchados desde hace tres días.
doctor.take_remedy | remedy=drops dose=after_dinner
    Take these drops after dinner.
    Nehmen Sie diese Tropfen nach dem Abendessen.
    Tome estas gotas después de la cena.
doctor.appointment | clinician=doctor clock=quarter_to_one
    I have an appointment with the doctor at quarter to one.
    Ich habe um Viertel vor eins einen Termin bei der Ärztin.
    Tengo una cita con la doctora a la una menos cuarto.
doctor.allergic_relative | relative=aunt allergen=pollen
    My aunt is allergic to pollen.
    Meine Tante ist allergisch gegen Pollen.
    Mi tía tiene alergia al polen.
directions.street_on_side | ordinal=third side=right
    Take the third street on the right.
    Nehmen Sie die dritte Straße rechts.
    Tome la tercera calle a la derecha.
directions.cannot_find | place=church
    I'm looking for the church, but I can't find it.
    Ich suche die Kirche, aber ich finde sie nicht.
    Busco la iglesia, pero no la encuentro.
directions.get_off | place=harbour
    Get off at the harbour and then ask again.
    Steigen Sie am Hafen aus und fragen Sie dann noch einmal.
    Baje en el puerto y luego pregunte otra vez.
directions.superlative | venue=pharmacy superlative=nearest city=Seville
    Where is the nearest pharmacy in Seville?
    Wo ist die nächste Apotheke in Sevilla?
    ¿Dónde está la farmacia más cercana de Sevilla?
travel.room_comfort | comfort=shower make=new
    Do you have a room with a new shower?
    Haben Sie ein Zimmer mit einer neuen Dusche?
    ¿Tiene una habitación con una ducha nueva?
small_talk.works_at | relative=uncle venue=market superlative=biggest city=Vienna
    My uncle works at the biggest market in Vienna.
    Mein Onkel arbeitet auf dem größten Markt in Wien.
    Mi tío trabaja en el mercado más grande de Viena.
travel.room_comfort | comfort=balcony make=small
    Do you have a room with a small balcony?
    Haben Sie ein Zimmer mit einem kleinen Balkon?
    ¿Tiene una habitación con un balcón pequeño?
small_talk.afraid_of | relative=wife animal=bird coat=black
    My wife is afraid of black birds.
    Meine Frau hat Angst vor schwarzen Vögeln.
    Mi mujer tiene miedo a los pájaros negros.
small_talk.animal_coat | relative=friend animal=horse coat=young
    My friend has a young horse.
    Mein Freund hat ein junges Pferd.
    Mi amigo tiene un caballo joven.
small_talk.animal_coat | relative=grandfather animal=eagle coat=white
    My grandfather has a white eagle.
    Mein Großvater hat einen weißen Adler.
    Mi abuelo tiene un águila blanca.
small_talk.afraid_of | relative=son animal=eagle coat=young
    My son is afraid of young eagles.
    Mein Sohn hat Angst vor jungen Adlern.
    Mi hijo tiene miedo a las águilas jóvenes.
small_talk.weather_plan | weather=foggy venue=market
    If it's foggy tomorrow, we'll go to the market.
    Wenn es morgen neblig ist, gehen wir auf den Markt.
    Si mañana hay niebla, iremos al mercado.
small_talk.compare_relatives | relative1=sister relative2=brother comparative=taller
    My sister is taller than my brother.
    Meine Schwester ist größer als mein Bruder.
    Mi hermana es más alta que mi hermano.
small_talk.name_hobby | name=Felix hobby=listen weekday=Saturday
    Felix listens to music every Saturday.
    Felix hört jeden Samstag Musik.
    Félix escucha música todos los sábados.
"""

BAD_PATTERNS = [
    pytest.param("x\n    A {city.\n    B {city}\n    C {city}", "unbalanced", id="open brace"),
    pytest.param("x\n    A {city}\n    B {city}", "one line per language", id="no Spanish"),
    pytest.param("x\n    A {city}\n    B {city}\n    C", "different slots", id="lost slot"),
    pytest.param("x\n    {cty}\n    {cty}\n    {cty}", "no lexicon class", id="unknown class"),
    pytest.param("x\n    {city+}\n    {city}\n    {city}", "bad slot", id="half a slot"),
    pytest.param("x\n    {the:dish}\n    {da:dish}\n    {el:dish}", "cannot take", id="bad form"),
    pytest.param("x\n    {a:dish}\n    {der*:dish}\n    {el:dish}", "cannot take", id="no plural"),
    pytest.param("x\n    {the:city}\n    {city}\n    {city}", "cannot take", id="no such form"),
]

BAD_TABLES = [
    pytest.param(nouns, "cup | die Tasse/Tassen", id="two cells"),
    pytest.param(nouns, "cup | Tasse | la taza", id="German without article"),
    pytest.param(nouns, "cup | die Tasse | taza", id="Spanish without article"),
    pytest.param(phrases, "cup; cups | Tasse | taza", id="too many forms"),
    pytest.param(adjectives, "red | rot | rojo/roja", id="half the Spanish forms"),
]


def golden_rows() -> list[list[str]]:
    blocks = re.split(r"\n(?! )", GOLDEN.strip())
    return [[line.strip() for line in block.splitlines()] for block in blocks if "\n" in block]


def english_of(entry: Entry) -> str:
    if isinstance(entry, Noun):
        return entry.en.singular or entry.en.plural
    if isinstance(entry, Adjective):
        return entry.en
    return next(iter(entry.en.values()))


def entry_for(slot: str, english: str) -> Entry:
    found = [e for e in LEXICON[class_of(slot)] if english_of(e) == english.replace("_", " ")]
    assert len(found) == 1, f"{english!r} in {slot}"
    return found[0]


@pytest.fixture(scope="module")
def many() -> list[Sentence]:
    rng = random.Random(7)
    return [phrasebook.sample(rng) for _ in range(50_000)]


@pytest.fixture(scope="module")
def distinct(many: list[Sentence]) -> list[Sentence]:
    return list(dict.fromkeys(many))


@pytest.mark.parametrize("row", golden_rows(), ids=lambda row: row[1])
def test_golden_sentences(row: list[str]) -> None:
    name, _, slots = row[0].partition(" | ")
    chosen = {
        slot: entry_for(slot, english)
        for slot, _, english in (pair.partition("=") for pair in slots.split())
    }
    pattern = next(pattern for pattern in PATTERNS if pattern.name == name)
    assert list(pattern.fill(chosen).values()) == row[1:]


def test_every_language_determines_the_others(distinct: list[Sentence]) -> None:
    for language in phrasebook.LANGUAGES:
        meanings = defaultdict(set)
        for sentence in distinct:
            meanings[sentence.text(language)].add((sentence.en, sentence.de, sentence.es))
        assert [found for found in meanings.values() if len(found) > 1] == []


def test_a_noun_has_one_translation_wherever_it_occurs() -> None:
    lemmas = {
        tuple(d.singular or d.plural for d in (noun.en, noun.de, noun.es))
        for entries in LEXICON.values()
        for noun in entries
        if isinstance(noun, Noun)
    }
    for column in range(3):
        counts = Counter(lemma[column] for lemma in lemmas)
        assert [word for word, count in counts.items() if count > 1] == []


def test_there_are_enough_patterns_in_all_topics(many: list[Sentence]) -> None:
    assert len(set(phrasebook.patterns())) == len(PATTERNS) >= 60
    assert {sentence.topic for sentence in many} == TOPICS
    assert all(sentence.pattern.startswith(f"{sentence.topic}.") for sentence in many)


def test_there_are_many_sentences_and_no_pattern_dominates(many: list[Sentence]) -> None:
    assert sum(combinations(pattern, LEXICON) for pattern in PATTERNS) > 100_000
    shares = Counter(sentence.pattern for sentence in many)
    assert set(shares) == set(phrasebook.patterns())
    assert max(shares.values()) < 0.03 * len(many)


def test_vocabulary_size(distinct: list[Sentence]) -> None:
    sizes = {
        language: len({w for s in distinct for w in phrasebook.words(s.text(language))})
        for language in phrasebook.LANGUAGES
    }
    assert 1_000 <= sizes["en"] <= 1_200
    assert max(sizes["de"], sizes["es"]) < 1_600


def test_every_english_word_is_common_enough_to_learn(
    many: list[Sentence], distinct: list[Sentence]
) -> None:
    seen = {word for s in distinct for word in phrasebook.words(s.en)}
    learned = Counter(
        word
        for s in many[:20_000]
        if not phrasebook.is_held_out(s)
        for word in phrasebook.words(s.en)
    )
    assert {word: learned[word] for word in seen if learned[word] < 8} == {}


def test_the_same_seed_gives_the_same_sentences() -> None:
    def draw(seed: int) -> list[Sentence]:
        rng = random.Random(seed)
        return [phrasebook.sample(rng) for _ in range(50)]

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_sample_pattern_draws_only_that_pattern() -> None:
    rng = random.Random(1)
    for name in phrasebook.patterns():
        assert phrasebook.sample_pattern(name, rng).pattern == name
    with pytest.raises(ValueError, match="unknown pattern"):
        phrasebook.sample_pattern("travel.nowhere", rng)


def test_about_one_sentence_in_twenty_is_held_out(distinct: list[Sentence]) -> None:
    share = sum(map(phrasebook.is_held_out, distinct)) / len(distinct)
    assert 0.04 < share < 0.06


def test_holding_out_never_changes() -> None:
    def held_out(number: int) -> bool:
        return phrasebook.is_held_out(Sentence("t", "t.p", f"Sentence {number}.", "-", "-"))

    assert [number for number in range(60) if held_out(number)] == [11, 45]


@pytest.mark.parametrize("language", phrasebook.LANGUAGES)
def test_sentences_are_ordinary_written_text(language: str, distinct: list[Sentence]) -> None:
    letters = ALPHABETS[language]
    word = rf"(?i:[{letters}]+(?:['-][{letters}]+)*)"
    body = rf"{word}(?:,? {word})*"
    shape = re.compile(rf"(?:{body}, )?¿{body}\?|{body}\." if language == "es" else rf"{body}[.?]")
    for sentence in distinct:
        text = sentence.text(language)
        assert shape.fullmatch(text), text
        assert text.lstrip("¿")[0].isupper(), text


def test_question_marks_agree_between_languages(distinct: list[Sentence]) -> None:
    for sentence in distinct:
        marks = {sentence.text(language)[-1] for language in phrasebook.LANGUAGES}
        assert len(marks) == 1, sentence


@pytest.mark.parametrize("language", phrasebook.LANGUAGES)
def test_sentences_are_of_speakable_length(language: str, distinct: list[Sentence]) -> None:
    lengths = [len(phrasebook.words(sentence.text(language))) for sentence in distinct]
    assert min(lengths) >= 3
    assert max(lengths) <= 14
    assert 6 < sum(lengths) / len(lengths) < 9


@pytest.mark.parametrize(
    ("language", "wrong"),
    [
        ("en", r"\b(a [aeio]|an [^aeiou])"),
        ("de", r"\b(zu (dem|der)|in dem|an dem|von dem|bei dem)\b"),
        ("es", r"\b(a el|de el|con mí|o o\w*|y i\w*)\b"),
    ],
)
def test_no_sentence_misses_a_contraction(
    language: str, wrong: str, distinct: list[Sentence]
) -> None:
    found = [s.text(language) for s in distinct if re.search(wrong, s.text(language))]
    assert found == []


def test_words_are_lower_case_and_without_punctuation() -> None:
    assert phrasebook.words("¿Qué opina, Óscar?") == ["qué", "opina", "óscar"]
    assert phrasebook.words("I don't have twenty-five euros.") == (
        ["i", "don't", "have", "twenty", "five", "euros"]
    )
    assert phrasebook.words("Die Straße heißt „Am Fluss“.") == (
        ["die", "straße", "heißt", "am", "fluss"]
    )


def test_text_knows_only_the_three_languages() -> None:
    sentence = Sentence("t", "t.p", "a", "b", "c")
    assert [sentence.text(language) for language in phrasebook.LANGUAGES] == ["a", "b", "c"]
    with pytest.raises(ValueError, match="unknown language"):
        sentence.text("fr")


@pytest.mark.parametrize(("table", "message"), BAD_PATTERNS)
def test_a_malformed_pattern_is_refused(table: str, message: str) -> None:
    with pytest.raises(GrammarError, match=message):
        compile_patterns("topic", table, LEXICON)


@pytest.mark.parametrize(("read", "table"), BAD_TABLES)
def test_a_malformed_table_is_refused(read: object, table: str) -> None:
    assert callable(read)
    with pytest.raises(GrammarError):
        read(table)
