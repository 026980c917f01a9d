"""Things people do, with the verb forms the patterns need."""

from __future__ import annotations

from models.phrasebook.tables import phrases

# The object is a column of its own, because German puts other words between it and the verb.
_DONE = {"en": "base past done obj", "de": "inf zu part obj", "es": "inf past done obj"}

ERRANDS = phrases(
    """
visit; visited; visited; the castle |
    besichtigen; zu besichtigen; besichtigt; das Schloss |
    visitar; visité; visitado; el castillo
book; booked; booked; a room |
    reservieren; zu reservieren; reserviert; ein Zimmer |
    reservar; reservé; reservado; una habitación
rent; rented; rented; a car |
    mieten; zu mieten; gemietet; ein Auto |
    alquilar; alquilé; alquilado; un coche
buy; bought; bought; a souvenir |
    kaufen; zu kaufen; gekauft; ein Andenken |
    comprar; compré; comprado; un recuerdo
order; ordered; ordered; breakfast |
    bestellen; zu bestellen; bestellt; das Frühstück |
    pedir; pedí; pedido; el desayuno
change; changed; changed; money |
    wechseln; zu wechseln; gewechselt; Geld |
    cambiar; cambié; cambiado; dinero
call; called; called; the hotel |
    anrufen; anzurufen; angerufen; das Hotel |
    llamar; llamé; llamado; al hotel
pack; packed; packed; the suitcase |
    packen; zu packen; gepackt; den Koffer |
    hacer; hice; hecho; la maleta
repair; repaired; repaired; the bicycle |
    reparieren; zu reparieren; repariert; das Fahrrad |
    reparar; reparé; reparado; la bicicleta
clean; cleaned; cleaned; the kitchen |
    putzen; zu putzen; geputzt; die Küche |
    limpiar; limpié; limpiado; la cocina
sell; sold; sold; the car |
    verkaufen; zu verkaufen; verkauft; das Auto |
    vender; vendí; vendido; el coche
prepare; prepared; prepared; dinner |
    vorbereiten; vorzubereiten; vorbereitet; das Abendessen |
    preparar; preparé; preparado; la cena
water; watered; watered; the flowers |
    gießen; zu gießen; gegossen; die Blumen |
    regar; regué; regado; las flores
feed; fed; fed; the cat |
    füttern; zu füttern; gefüttert; die Katze |
    dar; di; dado; de comer al gato
pay; paid; paid; the rent |
    bezahlen; zu bezahlen; bezahlt; die Miete |
    pagar; pagué; pagado; el alquiler
send; sent; sent; a parcel |
    schicken; zu schicken; geschickt; ein Paket |
    enviar; envié; enviado; un paquete
fetch; fetched; fetched; the luggage |
    abholen; abzuholen; abgeholt; das Gepäck |
    recoger; recogí; recogido; el equipaje
try; tried; tried; the fish |
    probieren; zu probieren; probiert; den Fisch |
    probar; probé; probado; el pescado
close; closed; closed; the window |
    schließen; zu schließen; geschlossen; das Fenster |
    cerrar; cerré; cerrado; la ventana
lock; locked; locked; the door |
    abschließen; abzuschließen; abgeschlossen; die Tür |
    cerrar; cerré; cerrado; la puerta con llave
switch; switched; switched; off the light |
    ausmachen; auszumachen; ausgemacht; das Licht |
    apagar; apagué; apagado; la luz
""",
    **_DONE,
)

TASKS = phrases(
    """
sign; signed; signed; the contract |
    unterschreiben; zu unterschreiben; unterschrieben; den Vertrag |
    firmar; firmé; firmado; el contrato
send; sent; sent; the report |
    schicken; zu schicken; geschickt; den Bericht |
    enviar; envié; enviado; el informe
print; printed; printed; the document |
    ausdrucken; auszudrucken; ausgedruckt; das Dokument |
    imprimir; imprimí; impreso; el documento
prepare; prepared; prepared; the presentation |
    vorbereiten; vorzubereiten; vorbereitet; die Präsentation |
    preparar; preparé; preparado; la presentación
check; checked; checked; the figures |
    prüfen; zu prüfen; geprüft; die Zahlen |
    comprobar; comprobé; comprobado; las cifras
answer; answered; answered; the question |
    beantworten; zu beantworten; beantwortet; die Frage |
    contestar; contesté; contestado; la pregunta
finish; finished; finished; the project |
    beenden; zu beenden; beendet; das Projekt |
    terminar; terminé; terminado; el proyecto
translate; translated; translated; the text |
    übersetzen; zu übersetzen; übersetzt; den Text |
    traducir; traduje; traducido; el texto
call; called; called; the customer |
    anrufen; anzurufen; angerufen; den Kunden |
    llamar; llamé; llamado; al cliente
install; installed; installed; the program |
    installieren; zu installieren; installiert; das Programm |
    instalar; instalé; instalado; el programa
order; ordered; ordered; the paper |
    bestellen; zu bestellen; bestellt; das Papier |
    pedir; pedí; pedido; el papel
update; updated; updated; the list |
    aktualisieren; zu aktualisieren; aktualisiert; die Liste |
    actualizar; actualicé; actualizado; la lista
discuss; discussed; discussed; the offer |
    besprechen; zu besprechen; besprochen; das Angebot |
    discutir; discutí; discutido; la oferta
read; read; read; the instructions |
    lesen; zu lesen; gelesen; die Anleitung |
    leer; leí; leído; las instrucciones
change; changed; changed; the password |
    ändern; zu ändern; geändert; das Passwort |
    cambiar; cambié; cambiado; la contraseña
save; saved; saved; the file |
    speichern; zu speichern; gespeichert; die Datei |
    guardar; guardé; guardado; el archivo
cancel; cancelled; cancelled; the order |
    stornieren; zu stornieren; storniert; die Bestellung |
    cancelar; cancelé; cancelado; el pedido
explain; explained; explained; the plan |
    erklären; zu erklären; erklärt; den Plan |
    explicar; expliqué; explicado; el plan
compare; compared; compared; the prices |
    vergleichen; zu vergleichen; verglichen; die Preise |
    comparar; comparé; comparado; los precios
organise; organised; organised; the conference |
    organisieren; zu organisieren; organisiert; die Konferenz |
    organizar; organicé; organizado; la conferencia
correct; corrected; corrected; the mistakes |
    korrigieren; zu korrigieren; korrigiert; die Fehler |
    corregir; corregí; corregido; los errores
""",
    **_DONE,
)

HOBBIES = phrases(
    """
play; plays; the piano | spielen; spiele; spielt; Klavier | tocar; toco; toca; el piano
play; plays; the guitar | spielen; spiele; spielt; Gitarre | tocar; toco; toca; la guitarra
play; plays; tennis | spielen; spiele; spielt; Tennis | jugar; juego; juega; al tenis
play; plays; football | spielen; spiele; spielt; Fußball | jugar; juego; juega; al fútbol
play; plays; chess | spielen; spiele; spielt; Schach | jugar; juego; juega; al ajedrez
read; reads; novels | lesen; lese; liest; Romane | leer; leo; lee; novelas
watch; watches; old films | sehen; sehe; sieht; alte Filme | ver; veo; ve; películas antiguas
listen; listens; to music | hören; höre; hört; Musik | escuchar; escucho; escucha; música
paint; paints; portraits | malen; male; malt; Porträts | pintar; pinto; pinta; retratos
sing; sings; in a choir | singen; singe; singt; in einem Chor | cantar; canto; canta; en un coro
swim; swims; in the lake | schwimmen; schwimme; schwimmt; im See | nadar; nado; nada; en el lago
walk; walks; in the forest |
    gehen; gehe; geht; im Wald spazieren |
    pasear; paseo; pasea; por el bosque
ride; rides; a bicycle | fahren; fahre; fährt; Fahrrad | montar; monto; monta; en bicicleta
dance; dances; the tango | tanzen; tanze; tanzt; Tango | bailar; bailo; baila; tango
bake; bakes; cakes | backen; backe; backt; Kuchen | hacer; hago; hace; tartas
take; takes; photos | machen; mache; macht; Fotos | hacer; hago; hace; fotos
work; works; in the garden |
    arbeiten; arbeite; arbeitet; im Garten |
    trabajar; trabajo; trabaja; en el jardín
visit; visits; museums | besuchen; besuche; besucht; Museen | visitar; visito; visita; museos
collect; collects; stamps |
    sammeln; sammle; sammelt; Briefmarken |
    coleccionar; colecciono; colecciona; sellos
write; writes; poems | schreiben; schreibe; schreibt; Gedichte | escribir; escribo; escribe; poemas
""",
    en="base third obj",
    de="inf ich er obj",
    es="inf yo third obj",
)

# What a doctor asks patients to do.
ADVICE = phrases("""
drink more water | mehr Wasser trinken | beber más agua
drink less alcohol | weniger Alkohol trinken | beber menos alcohol
sleep more | mehr schlafen | dormir más
stay in bed | im Bett bleiben | guardar cama
eat less sugar | weniger Zucker essen | comer menos azúcar
eat more vegetables | mehr Gemüse essen | comer más verdura
stop smoking | mit dem Rauchen aufhören | dejar de fumar
do more sport | mehr Sport machen | hacer más deporte
work less | weniger arbeiten | trabajar menos
avoid stress | Stress vermeiden | evitar el estrés
take a week off | eine Woche Urlaub nehmen | tomar una semana de vacaciones
lose weight | abnehmen | adelgazar
""")

# Movements that may hurt; first person.
MOVEMENTS = phrases("""
cough | huste | toso
swallow | schlucke | trago
breathe | atme | respiro
walk | gehe | camino
laugh | lache | me río
run | laufe | corro
climb stairs | Treppen steige | subo escaleras
get up | aufstehe | me levanto
lift heavy things | schwere Sachen hebe | levanto cosas pesadas
""")
