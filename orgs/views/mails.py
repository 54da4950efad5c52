"""What an admin is mailed: choosing it, and stopping it from a mail (SPEC N3)."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from orgs import mail_choices
from orgs.forms import MailChoicesForm
from orgs.web.access import OrgRequest, org_admin


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def choices(request: OrgRequest) -> HttpResponse:
    form = MailChoicesForm(mail_choices.of(request.user), request.POST or None)
    if form.is_valid():
        mail_choices.choose(request.user, form.times)
        messages.success(request, _("Your choice of mails is saved."))
        return redirect("account-mails")
    return render(request, "account/mails.html", {"form": form})


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Whoever has the mail may end such mails, without signing in and, for mail programs, by one POST (RFC 8058).

    Nothing happens on GET: what scans mails follows their links.
    """
    try:
        person, when = mail_choices.of_link(token)
    except mail_choices.BadLink:
        return render(request, "account/mails_stop.html", {"is_bad": True}, status=404)
    if request.method == "POST":
        mail_choices.stop(person, when)
    words = {"org": person.org, "is_done": request.method == "POST", "is_daily": when == when.DAILY}
    answer = render(request, "account/mails_stop.html", words)
    answer["Referrer-Policy"] = "no-referrer"
    return answer
