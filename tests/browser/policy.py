"""Middleware that tells browsers to run, load and reach nothing but what the site serves itself."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

REPORTS = "/policy-reports"
"""Where browsers report what breaks the policy; read, it has all reports so far, one a line."""

POLICY = f"default-src 'self'; report-uri {REPORTS}"

_reports: list[bytes] = []


def strict_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Add the policy to every response, and keep what is reported."""

    def add(request: HttpRequest) -> HttpResponse:
        if request.path == REPORTS:
            if request.method == "POST":
                _reports.append(request.body)
            return HttpResponse(b"\n".join(_reports), content_type="text/plain")
        response = get_response(request)
        response["Content-Security-Policy"] = POLICY
        return response

    return add
