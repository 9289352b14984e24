// What is quicker, or only possible, in the browser.
window.dash_clientside = Object.assign({}, window.dash_clientside, {
  explorer: {
    // Dash writes a zoom into the figure, so that plotly's uirevision no longer sees it as the user's: carry it over.
    keepZoom(drawn, shown) {
      if (!drawn) return window.dash_clientside.no_update;
      const layout = {...drawn.layout};
      const before = (shown && shown.layout) || {};
      for (const axis of ["xaxis", "yaxis"]) {
        const old = before[axis];
        const same = before.uirevision === layout.uirevision && old && old.type === layout[axis].type;
        if (same && old.autorange === false) layout[axis] = {...layout[axis], range: old.range, autorange: false};
      }
      return {...drawn, layout};
    },
    // The view of a page goes into its address, without a reload, and into the way back to the page.
    address(view, selected, path) {
      const paths = ["/", "/design", "/what-if"];
      const key = page => `spikesim-view:${page}`;
      const here = window.location.pathname;
      if (view && view.page === here) {
        sessionStorage.setItem(key(here), view.query);
        const query = view.query ? `?${view.query}` : "";
        if (window.location.search !== query) window.history.replaceState(window.history.state, "", here + query);
      }
      const chosen = page => {
        const known = new URLSearchParams(sessionStorage.getItem(key(page)) || "");
        if (selected) known.set("design", selected);
        const query = known.toString();
        return query ? `${page}?${query}` : page;
      };
      return [...paths.map(chosen), ...paths.map(page => page === path ? "nav-link here" : "nav-link")];
    },
  },
});
// "/" leads to the search field, as everywhere.
document.addEventListener("keydown", event => {
  const typing = /^(input|textarea|select)$/i.test(event.target.tagName) || event.target.isContentEditable;
  const search = document.getElementById("search");
  if (event.key !== "/" || typing || !search) return;
  event.preventDefault();
  search.focus();
});
