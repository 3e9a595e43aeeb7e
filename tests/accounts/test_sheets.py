import pytest

from gridlane.accounts.sheets import SheetUnreadable, lines_of

COLUMNS = {"email": ("e_mail",), "name": (), "city": ("ort",)}


def read(content):
    return [(one.number, dict(one.cells)) for one in lines_of(content, COLUMNS, ["email"])]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_table_is_read_as_spreadsheets_write_it(separator, encoding, ending):
    rows = [["E-Mail", "Name", "Ort"], ["j@example.org", "Jürgen Groß", "Köln"], [], ["a@b.de", "", '"x']]
    rows[3][2] = "Bad Ems"
    content = ending.join(separator.join(row) for row in rows).encode(encoding)
    assert read(content) == [
        (2, {"email": "j@example.org", "name": "Jürgen Groß", "city": "Köln"}),
        (4, {"email": "a@b.de", "city": "Bad Ems"}),
    ]


def test_a_cell_in_quotes_may_hold_the_separator():
    assert read(b'email;name\r\na@b.de;"Lovelace; Ada"\r\n') == [
        (2, {"email": "a@b.de", "name": "Lovelace; Ada"})
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "lacks email"), (b"name\nAda", "lacks email"), (b"email;shoe size\n", "'shoe size' is not known"),
     (b"email;E-Mail\n", "there twice")],
)  # fmt: skip
def test_a_file_that_is_no_such_table_is_refused_with_what_to_do(content, why):
    with pytest.raises(SheetUnreadable, match=why):
        read(content)
