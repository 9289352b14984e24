// Dash writes a zoom into the figure, so that plotly's uirevision no longer sees it as the user's: carry it over here.
window.dash_clientside = Object.assign({}, window.dash_clientside, {
  explorer: {
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
  },
});
