"""The addresses of the organization's pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
