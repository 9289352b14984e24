from dash import html
def layout(**_): return html.Div("soon")
def register(app, reader): pass
