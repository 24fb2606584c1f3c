import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import AsyncClient, Client
from django.urls import reverse

PASSWORD = "correct horse battery staple"


@pytest.fixture
def user(db: None) -> User:
    """Somebody who is no staff."""
    return User.objects.create_user("ada", password=PASSWORD)


def test_signing_in_and_out_leads_back_to_the_chat(client: Client, user: User) -> None:
    login = reverse("login")
    assert client.get(login).status_code == 200
    answer = client.post(login, {"username": user.username, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(user.pk)
    answer = client.post(reverse("logout"))
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert "_auth_user_id" not in client.session


def test_signing_in_leads_on_to_the_page_that_asked_for_it(client: Client, user: User) -> None:
    login = reverse("login") + "?next=/rooms/main/"
    page = client.get(login).content.decode()
    assert 'name="next" value="/rooms/main/"' in page
    why = "To enter some rooms, or to write in them, you have to be signed in."
    assert why in page
    assert why not in client.get(reverse("login")).content.decode(), "nobody was sent there"
    form = {"username": user.username, "password": PASSWORD, "next": "/rooms/main/"}
    assert client.post(login, form)["Location"] == "/rooms/main/"


@pytest.mark.django_db
def test_admin_asks_who_one_is(client: Client) -> None:
    answer = client.get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/")


async def test_static_files_are_served_from_where_they_lie() -> None:
    assert finders.find("project/login.css") is not None
    answer = await AsyncClient().get("/static/project/login.css")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/css")
    answer.close()
