"""One e-mail address, or none.

The parsers of the standard library are forgiving: `parseaddr("a@x.org, b@y.org")` silently takes the first, and a name
with a line break adds a recipient. So an address is taken whole, by the rules of RFC 5321 and 6531, or not at all.
"""

from email_validator import EmailNotValidError, validate_email

#: Characters: 64 before the @, 255 after it (RFC 5321, section 4.5.3.1). What is longer is not even parsed.
LIMIT = 320


def address(raw: str) -> str | None:
    """The address in its normal form, as it is stored and compared; `None` unless `raw` is exactly one address.

    White space around it is forgiven, a display name, a list, a quoted local part or an IP address is not. The domain
    is not looked up: that belongs to the mail server, not to a request.
    """
    trimmed = raw.strip(" \t")
    if not trimmed or len(trimmed) > LIMIT:
        return None
    try:
        return validate_email(trimmed, check_deliverability=False).normalized
    except EmailNotValidError:
        return None


def wire(normal: str) -> str:
    """The form a mail server takes: the domain in ASCII; the local part stays, it has no other form.

    `normal` is what `address` returned. A non-ASCII local part needs SMTPUTF8.
    """
    if normal.rpartition("@")[2].isascii():
        return normal
    # Not `str.encode("idna")`: that is IDNA 2003, which turns faß.example into fass.example, another domain.
    checked = validate_email(normal, check_deliverability=False)
    return f"{checked.local_part}@{checked.ascii_domain}"


def domain_of(normal: str) -> str:
    """The domain of an address, for comparing."""
    return normal.rpartition("@")[2].casefold()
