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
    address(view, selected, compared, path) {
      const paths = [...document.querySelectorAll("header nav a")].map(link => new URL(link.href).pathname);
      const designs = (compared || []).join(",");
      const key = page => `spikesim-view:${page}`;
      const here = window.location.pathname;
      if (view && view.page === here) {
        sessionStorage.setItem(key(here), view.query);
        const said = new URLSearchParams(view.query);
        if (here === "/compare" && designs) said.set("designs", designs);
        const query = said.size ? `?${said}`.replaceAll("%2C", ",") : "";
        if (window.location.search !== query) window.history.replaceState(window.history.state, "", here + query);
      }
      const chosen = page => {
        const known = new URLSearchParams(sessionStorage.getItem(key(page)) || "");
        if (page === "/compare") {
          known.delete("designs");
          if (designs) known.set("designs", designs);
        } else if (selected && page !== "/sweep") known.set("design", selected);
        const query = known.toString().replaceAll("%2C", ",");
        return query ? `${page}?${query}` : page;
      };
      const classes = paths.map(page => page === path ? "nav-link here" : "nav-link");
      const count = (compared || []).length;
      return [...paths.map(chosen), ...classes, count ? `Compare (${count})` : "Compare"];
    },
    // Keeps the open view under a name, or forgets one.
    views(keep, drops, name, known) {
      const none = window.dash_clientside.no_update, cause = window.dash_clientside.callback_context.triggered[0];
      if (!cause || !cause.value) return [none, none];
      const views = {...(known || {})};
      if (cause.prop_id === "view-keep.n_clicks") {
        const title = (name || "").trim() || document.title;
        return [{...views, [title]: window.location.pathname + window.location.search}, ""];
      }
      delete views[JSON.parse(cause.prop_id.replace(/\.n_clicks$/, ""))["view-drop"]];
      return [views, none];
    },
    // Every figure of the open page as a file, one after the other.
    async figures() {
      const format = window.dash_clientside.callback_context.triggered_id.replace("figures-", "");
      const plots = [...document.querySelectorAll(".js-plotly-plot")].filter(plot => plot.offsetParent && plot._fullLayout);
      for (const plot of plots) {
        const {width, height} = plot._fullLayout, name = plot.parentElement.id || "figure";
        await window.Plotly.downloadImage(plot, {format, width, height, scale: format === "png" ? 2 : 1, filename: `spikesim-${name}`});
      }
      return plots.length ? `${plots.length} saved` : "this page has none";
    },
  },
});
// What a slider of a limit says while it is dragged, rounded as `figures/limits.py` has it.
window.dashMantineFunctions = Object.assign({}, window.dashMantineFunctions, {
  limit: (place, {byError, factor, unit}) => {
    if (!byError) return `${Number((10 ** place * factor).toPrecision(3))} ${unit}`;
    const error = Math.max(10 ** -place - 1e-3, 0), step = Math.max(10 ** (Math.floor(Math.log10(error)) - 1), 1e-4);
    return `${Number((100 - 100 * step * Math.round(error / step)).toFixed(2))} ${unit}`;
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
// A file that is too large is not sent, and the page says so.
const REFUSED = {
  "own-upload": ["own-refused", "Start the explorer with --network FILE instead."],
  "studies-upload": ["studies-refused", "Make a study of it instead: spikesim import FILE --store FILE.db"],
};
for (const kind of ["change", "drop"]) {
  document.addEventListener(kind, event => {
    const area = event.target.closest && event.target.closest(Object.keys(REFUSED).map(id => "#" + id).join());
    const file = area && ((event.dataTransfer || event.target).files || [])[0];
    if (!file) return;
    const limit = 32, size = file.size / 2 ** 20, [place, advice] = REFUSED[area.id];
    const text = size > limit ? `${file.name}: has ${size.toFixed(0)} MiB: at most ${limit} can be sent. ${advice}` : "";
    window.dash_clientside.set_props(place, {children: text});
  }, true);
}
