"""The made-up people of the demo: names as names are, and addresses that belong to nobody."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A candidate. `number` names them in the ATS; `email` is empty for one who gave none."""

    number: int
    first_name: str
    last_name: str
    email: str

    @property
    def name(self) -> str:
        """The whole name."""
        return " ".join(filter(None, (self.first_name, self.last_name)))


#: (first name, last name, local part of the address): many scripts, one-word names, a long one, right-to-left ones.
_NAMES = (
    ("Amara", "Nwosu", "amara.nwosu"),
    ("Ines", "Marković", "ines.markovic"),
    ("José", "Álvarez Núñez", "jose.alvarez"),
    ("Łucja", "Wiśniewska", "lucja.w"),
    ("Nguyễn", "Thị Minh Khai", "minhkhai"),
    ("Søren", "Ångström", "soren"),
    ("Siobhán", "O’Connor", "siobhan.oconnor"),
    ("Zoë", "van der Berg-Müller", "zoe"),
    ("Renée", "D'Arcy", "renee"),
    ("Sukarno", "", "sukarno"),
    ("Teller", "", "teller"),
    ("王", "秀英", "wang.xiuying"),
    ("田中", "さくら", "tanaka.sakura"),
    ("김", "서연", "kim.seoyeon"),
    ("Мария", "Иванова", "maria.ivanova"),
    ("Олександр", "Шевченко", "oleksandr"),
    ("Ελένη", "Παπαδοπούλου", "eleni"),
    ("محمد", "الأنصاري", "m.alansari"),
    ("فاطمه", "رضایی", "fatemeh"),
    ("נועה", "כהן", "noa.cohen"),
    ("आराध्या", "शर्मा", "aradhya"),
    ("สมชาย", "ใจดี", "somchai"),
    ("Անի", "Սարգսյան", "ani"),
    ("ნინო", "ბერიძე", "nino"),
    ("Wolfeschlegelsteinhausen", "Bergerdorff-Oppenheim-Zollern", "wolfe"),
    ("X Æ", "Ng", "x.ng"),
    ("Ada", "Example", "ada"),
    ("Priya", "Ramanathan-Venkatasubramanian", "priya.rv"),
    ("Björk", "", "bjork"),
    ("Tomasz", "Nowak", ""),
)

PEOPLE = tuple(
    Person(number, first, last, f"{local}@example.org" if local else "")
    for number, (first, last, local) in enumerate(_NAMES, start=1)
)
