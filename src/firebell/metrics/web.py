"""x"""
from firebell.kit.web import routing

router = routing.html_router()
