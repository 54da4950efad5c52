"""The form by which org admins and support give a file to be imported."""

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from groups_provisioning import import_words
from groups_provisioning.actions import imports
from groups_provisioning.models import Import, Verdict
from groups_provisioning.proposals import gate
from orgs.history import Cause
from orgs.models import Organization
from scim import import_reading
from scim.import_files import MOST_BYTES_OF_A_REQUEST, Unreadable

SHOWN = 100  # rows to correct, on a page; the download has all
TO_CORRECT = (Verdict.AMBIGUOUS, Verdict.REFUSED)


class ImportForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("CSV or JSON file"),
        help_text=gettext_lazy("At most 10 MB, in UTF-8. It is only checked at first; nothing changes yet."),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.json,.jsonl,.ndjson"}),
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > MOST_BYTES_OF_A_REQUEST:
            raise ValidationError(
                _("The file has more than 10 MB. Split it, or ask support, who can import larger ones.")
            )
        return file


def checked(form: ImportForm, org: Organization, cause: Cause) -> Import | None:
    """Have the file of a valid form checked; None, with an error in the form, where it cannot be read."""
    file = form.cleaned_data["file"]
    try:
        rows = import_reading.rows(org, file)
        makes_admins = gate.may_make_admins(org, cause)
        return imports.begin(org=org, name=file.name, rows=rows, check=True, makes_admins=makes_admins, cause=cause)
    except Unreadable as refusal:
        form.add_error("file", import_words.file(refusal.why, refusal.place, refusal.about))
    except imports.Empty:
        form.add_error("file", import_words.file("empty", None, {}))
    except imports.Running:
        form.add_error(None, _("Another import of your organization is running. Wait for its end, or cancel it."))
    return None
