"""The admin as staff use it: found by its own links, forms and buttons."""

from __future__ import annotations

import json
import secrets

from tests.browser.conftest import Visits
from tests.browser.page import Page
from tests.browser.talk import slug_of
from tests.servers import SiteServer

CHAT = "/admin/chat/"

_SIGN_IN = """
from django.contrib.auth.models import Permission, User
from django.test import Client
permissions = {permissions!r}
user = User.objects.create_user({name!r}, is_staff=True, is_superuser=not permissions)
user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
client = Client()
client.force_login(user)
print("session:", client.cookies["sessionid"].value)
"""


def sign_in(site: SiteServer, *permissions: str) -> str:
    """Make a staff member with permissions of the app's, or with all there are; their session."""
    name = f"staff-{secrets.token_hex(4)}"
    code = _SIGN_IN.format(name=name, permissions=permissions)
    return site.run(code).rpartition("session: ")[2].strip()


class Backstage:
    """A tab of a staff member's."""

    def __init__(self, visits: Visits, site: SiteServer, session: str) -> None:
        self.site = site
        self.page: Page = visits.open("about:blank")
        self.page.carry(site.url, sessionid=session)

    def leave(self) -> None:
        """Forget that the admin's pages name no icon, so that browsers ask for one in vain."""
        self.page.evaluate("0")  # events are read on the way
        self.page.forgive("status of 404")

    # Going places

    def goto(self, path: str) -> Page:
        """Load a page of the app's in the admin."""
        return self.page.goto(f"{self.site.url}{CHAT}{path}")

    def find_session(self, name: str) -> None:
        """Go to the page of a guest's session, who goes by a name of their own."""
        row = ".field-connected a"
        while not self.goto(f"connection/?q={name.replace(' ', '+')}").text(row):
            pass  # sessions are written down in a moment
        self.press_link(row)

    def find_room(self, room: str) -> None:
        """Go to the page of a room."""
        self.goto(f"room/?q={slug_of(room)}")
        self.press_link("#result_list .field-slug a")

    # Doing

    def press_link(self, selector: str) -> None:
        """Click what leads to another page, and wait until that is there."""
        self.page.evaluate("window.before = true")
        self.page.click(selector)
        self.page.wait_until("!window.before")
        self.page.loaded()

    def press_tool(self, label: str) -> None:
        """Click one of the buttons above the form of a page."""
        self.page.evaluate(
            "Array.from(document.querySelectorAll('.object-tools a'))"
            f".find(e => e.innerText.trim().toLowerCase() === {json.dumps(label.lower())})"
            ".id = 'wanted'"
        )
        self.press_link("#wanted")

    def fill(self, **fields: str) -> None:
        """Fill in fields of the page's form by their names: texts, choices, and boxes to tick."""
        for name, value in fields.items():
            of_name = f"#content form:not(#changelist-search) [name={name}]"
            kind = self.page.evaluate(f"document.querySelector({json.dumps(of_name)}).type")
            if kind == "radio":
                self.page.click(f"{of_name}[value='{value}']")
            elif kind == "checkbox":
                self.page.click(of_name)
            elif kind == "select-one":
                self.page.evaluate(
                    f"(e => {{ e.value = {json.dumps(value)};"
                    " e.dispatchEvent(new Event('change', {bubbles: true})); })"
                    f"(document.querySelector({json.dumps(of_name)}))"
                )
            else:
                self.page.write(of_name, value)

    def find(self, text: str, name: str) -> None:
        """Search for what a field of the page's form may be set to, and take what is found."""
        self.page.click(f"#content [name={name}] + .select2 .select2-selection")
        # The list moves as it fills: it is not clicked.
        self.page.wait_until("document.activeElement.matches('.select2-search__field')")
        self.page.type(text)
        self.page.wait_for_text(".select2-results__option--highlighted", text)
        self.page.enter()

    def submit(self, selector: str = "[type=submit].default") -> None:
        """Send the page's form."""
        self.press_link(f"#content {selector}")

    def choose(self, action: str, *labels: str) -> None:
        """Choose rows of a list by what they say, and go on to what is to be done to them."""
        for label in labels:
            self.page.evaluate(
                "Array.from(document.querySelectorAll('#result_list tbody tr'))"
                f".find(e => e.innerText.includes({json.dumps(label)}))"
                ".querySelector('.action-select').click()"
            )
        self.fill(action=action)
        self.press_link("#changelist-form [name=index]")

    # Seeing

    @property
    def said(self) -> str:
        """What the admin says it has done."""
        return self.page.text(".messagelist")

    def tools(self) -> set[str]:
        """Return what the buttons above a form are called."""
        return {text.strip().capitalize() for text in self.page.texts(".object-tools a")}

    def actions(self) -> set[str]:
        """Return the actions that a list offers."""
        values = "Array.from(document.querySelectorAll('[name=action] option'), e => e.value)"
        return set(filter(None, self.page.evaluate(values)))
