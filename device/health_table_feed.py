"""The rows of the health table on the way to the trial: the broker, and the feed through it.

`device.publisher_trouble` says which error or reason of the broker leads to which row.
"""

from contract.status import PartName
from device.health_rows import APPELEZ, CALL, Finding, fault, unknown, warning

BROKER_AND_FEED: dict[str, Finding] = {
    "broker_away_fault": fault(
        PartName.BROKER,
        "away for so long that somebody has to look",
        f"The network has been away for long: readings wait in the device. {CALL}",
        f"Le réseau est absent depuis longtemps : les mesures attendent dans l'appareil. {APPELEZ}",
    ),
    "broker_away": warning(
        PartName.BROKER,
        "away, or never there since the start",
        "The network is away: readings wait in the device.",
        "Le réseau est absent : les mesures attendent dans l'appareil.",
    ),
    "broker_name": warning(
        PartName.BROKER,
        "its name is not found",
        "The broker's name is not found in the network: readings wait in the device.",
        "Le nom du serveur est introuvable sur le réseau : les mesures attendent dans l'appareil.",
    ),
    "broker_nothing": warning(
        PartName.BROKER,
        "its machine refuses the connection: no broker runs there",
        "No broker answers at its address: readings wait in the device.",
        "Aucun serveur ne répond à son adresse : les mesures attendent dans l'appareil.",
    ),
    "broker_silent": warning(
        PartName.BROKER,
        "it does not answer in time",
        "The broker does not answer: readings wait in the device.",
        "Le serveur ne répond pas : les mesures attendent dans l'appareil.",
    ),
    "broker_lost": warning(
        PartName.BROKER,
        "the connection was lost, and has not come back",
        "The connection to the broker was lost: readings wait in the device.",
        "La connexion au serveur est perdue : les mesures attendent dans l'appareil.",
    ),
    "broker_shuts": warning(
        PartName.BROKER,
        "it ends the connection at once and does not say why: it is full, or does not know the device",
        "The broker ends the connection at once: readings wait in the device.",
        "Le serveur coupe aussitôt la connexion : les mesures attendent dans l'appareil.",
    ),
    "broker_full": warning(
        PartName.BROKER,
        "it takes no more connections now",
        "The broker is full: readings wait in the device.",
        "Le serveur est saturé : les mesures attendent dans l'appareil.",
    ),
    "broker_certificate_expired": fault(
        PartName.BROKER,
        "its certificate has expired",
        f"The broker's certificate has expired: readings wait. {CALL}",
        f"Le certificat du serveur est périmé : les mesures attendent. {APPELEZ}",
    ),
    "broker_certificate_early": fault(
        PartName.BROKER,
        "its certificate is not valid yet: mostly the clock of the device is wrong",
        f"By this device's clock the broker's certificate is not valid yet. {CALL}",
        f"Selon l'horloge de l'appareil, le certificat du serveur n'est pas encore valable. {APPELEZ}",
    ),
    "broker_certificate_unknown": fault(
        PartName.BROKER,
        "its certificate is from an authority that the device does not know",
        f"The broker's certificate is not trusted: readings wait. {CALL}",
        f"Le certificat du serveur n'est pas reconnu : les mesures attendent. {APPELEZ}",
    ),
    "broker_certificate_name": fault(
        PartName.BROKER,
        "its certificate is for another name or address than the device file's",
        f"The broker's certificate is for another name: readings wait. {CALL}",
        f"Le certificat du serveur porte un autre nom : les mesures attendent. {APPELEZ}",
    ),
    "broker_own_expired": fault(
        PartName.BROKER,
        "it says that the device's certificate has expired",
        f"This device's certificate has expired: readings wait. {CALL}",
        f"Le certificat de cet appareil est périmé : les mesures attendent. {APPELEZ}",
    ),
    "broker_own_refused": fault(
        PartName.BROKER,
        "it does not take the device's certificate: unknown, revoked or missing",
        f"The broker refuses this device's certificate: readings wait. {CALL}",
        f"Le serveur refuse le certificat de cet appareil : les mesures attendent. {APPELEZ}",
    ),
    "broker_tls": fault(
        PartName.BROKER,
        "no encryption can be agreed on",
        f"No encrypted connection to the broker can be made. {CALL}",
        f"Aucune connexion chiffrée avec le serveur n'est possible. {APPELEZ}",
    ),
    "broker_files": fault(
        PartName.BROKER,
        "a file of the encryption is missing, cannot be read, or does not fit the others",
        f"The files of this device's encryption cannot be used. {CALL}",
        f"Les fichiers de chiffrement de cet appareil sont inutilisables. {APPELEZ}",
    ),
    "broker_denies": fault(
        PartName.BROKER,
        "it refuses the device by name or password",
        f"The broker does not let this device in: readings wait. {CALL}",
        f"Le serveur n'admet pas cet appareil : les mesures attendent. {APPELEZ}",
    ),
    "broker_version": fault(
        PartName.BROKER,
        "it does not speak the version of MQTT that the device file names",
        f"The broker does not speak this device's version of MQTT. {CALL}",
        f"Le serveur ne parle pas la version MQTT de cet appareil. {APPELEZ}",
    ),
    "broker_twin": fault(
        PartName.BROKER,
        "another one came in under the device's name",
        f"Another device uses this device's name. {CALL}",
        f"Un autre appareil utilise le nom de cet appareil. {APPELEZ}",
    ),
    "broker_unknown": unknown(
        PartName.BROKER,
        "the publisher does not answer",
        "Whether the network is there is not known: the publisher does not answer.",
        "L'état du réseau est inconnu : le programme d'envoi ne répond pas.",
    ),
    "feed_problem": fault(PartName.FEED, "records cannot be sent, or were refused: the publisher's words", None, None),
    "feed_topic_refused": fault(
        PartName.FEED,
        "the broker refuses a topic that readings go to, or their receipts: these wait, others go on",
        f"The broker refuses readings of this device: they wait in the device. {CALL}",
        f"Le serveur refuse des mesures de cet appareil : elles y attendent. {APPELEZ}",
    ),
    "feed_record_refused": fault(
        PartName.FEED,
        "the broker refuses a record for its own sake, as too large: it waits, others go on",
        f"The broker refuses a reading: it waits in the device. {CALL}",
        f"Le serveur refuse une mesure : elle attend dans l'appareil. {APPELEZ}",
    ),
    "feed_old_fault": fault(
        PartName.FEED,
        "a reading waits for a day",
        f"Readings have waited for the trial database for long. {CALL}",
        f"Des mesures attendent la base de l'étude depuis longtemps. {APPELEZ}",
    ),
    "feed_full": warning(
        PartName.FEED,
        "the broker takes no more messages now",
        "The broker is full: readings wait in the device.",
        "Le serveur est saturé : les mesures attendent dans l'appareil.",
    ),
    "feed_nobody": warning(
        PartName.FEED,
        "the broker has nobody whom it could give readings to: the trial side does not listen",
        "Nobody listens at the trial's end: readings wait in the device.",
        "Personne n'écoute du côté de l'étude : les mesures attendent dans l'appareil.",
    ),
    "feed_status_refused": warning(
        PartName.FEED,
        "the broker refuses the topic of the status",
        "The broker does not take this device's status: the trial does not see how it does.",
        "Le serveur refuse l'état de cet appareil : l'étude ne le voit pas.",
    ),
    "feed_unanswered": warning(
        PartName.FEED,
        "sent, and no receipt came",
        "The trial database does not answer: readings wait in the device.",
        "La base de l'étude ne répond pas : les mesures attendent dans l'appareil.",
    ),
    "feed_old": warning(
        PartName.FEED,
        "a reading waits for an hour",
        "Readings wait in the device for the trial database.",
        "Des mesures attendent dans l'appareil d'être reçues par la base de l'étude.",
    ),
    "feed_unknown": unknown(
        PartName.FEED,
        "the publisher or the journal does not answer",
        "Whether readings arrive is not known.",
        "On ne sait pas si les mesures arrivent.",
    ),
}
