// Ranges on axes: what parallel coordinates and the scatter matrix share, and their ties to the rest of the page.
(() => {
  const MISSING = 65535, STEPS = 65534, SLACK = 2e-4;
  const bytes = text => Uint8Array.from(atob(text), sign => sign.charCodeAt(0));
  const log10 = value => Math.log10(value);
  const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // An axis as the server sent it, with places as numbers 0 to 1 (NaN where there is none).
  const axisOf = sent => {
    const raw = new Uint16Array(bytes(sent.places).buffer), places = new Float32Array(raw.length);
    const jitter = sent.kind === "level" ? Math.min(0.03, 0.25 / Math.max(1, sent.levels.length)) : 0;
    const drawn = new Float32Array(raw.length);
    raw.forEach((place, i) => {
      places[i] = place === MISSING ? NaN : place / STEPS;
      // equal values lie beside each other, the same way at every drawing
      drawn[i] = 0.03 + 0.94 * places[i] + jitter * (((i * 0.6180339887) % 1) - 0.5);
    });
    return {...sent, places, drawn, title: sent.unit ? `${sent.label} (${sent.unit})` : sent.label};
  };
  const spaced = (axis, value) => {
    const shown = value * axis.factor;
    if (axis.kind === "log") return log10(shown);
    return axis.kind === "error" ? -log10(Math.max(100 - shown, 0.05)) : shown;
  };
  const placeOf = (axis, value, upper) => {
    const [low, high] = axis.ends;
    if (axis.kind !== "level") return (spaced(axis, value) - low) / (high - low || 1);
    const fits = axis.levels.map((level, i) => (upper ? level <= value : level >= value) ? i : -1).filter(i => i >= 0);
    const at = fits.length ? (upper ? Math.max(...fits) : Math.min(...fits)) : (upper ? -1 : axis.levels.length);
    return high === low ? (fits.length ? 0.5 : upper ? -1 : 2) : (at - low) / (high - low);
  };
  // The stored value at a place; an end of the axis is no bound.
  const valueAt = (axis, place, upper) => {
    const [low, high] = axis.ends, at = low + place * (high - low);
    if (axis.kind === "level") {
      const index = upper ? Math.floor(at + 1e-6) : Math.ceil(at - 1e-6);
      return axis.levels[Math.min(Math.max(index, 0), axis.levels.length - 1)];
    }
    if (upper ? place >= 0.9995 : place <= 0.0005) return null;
    const shown = axis.kind === "log" ? 10 ** at : axis.kind === "error" ? 100 - 10 ** -at : at;
    return Number((shown / axis.factor).toPrecision(6));
  };
  // A range from one place to another; null where it holds all of the axis, or nothing.
  const rangeOf = (axis, from, to) => {
    const [a, b] = from < to ? [from, to] : [to, from];
    if (a <= 0.0005 && b >= 0.9995) return null;
    const range = [valueAt(axis, a, false), valueAt(axis, b, true)];
    return axis.kind === "level" && range[0] > range[1] ? null : range;
  };
  const bounds = (axis, range) => [
    range[0] === null ? -SLACK : placeOf(axis, range[0], false) - SLACK,
    range[1] === null ? 1 + SLACK : placeOf(axis, range[1], true) + SLACK,
  ];
  const shown = (axis, i) => {
    const place = axis.places[i];
    if (Number.isNaN(place)) return "–";
    const [low, high] = axis.ends, at = low + place * (high - low);
    if (axis.kind === "level") return axis.texts[Math.round(at)];
    const value = axis.kind === "log" ? 10 ** at : axis.kind === "error" ? 100 - 10 ** -at : at;
    return `${Number(value.toPrecision(4))} ${axis.unit}`.trim();
  };
  const tick = value => Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-3) ? value.toExponential(0) : String(Number(value.toPrecision(3)));
  const ticks = axis => {
    const [low, high] = axis.ends, span = high - low || 1;
    if (axis.kind === "level") {
      const every = Math.ceil(axis.levels.length / 16);
      return axis.texts.map((text, i) => [(i - low) / span || (high === low ? 0.5 : 0), text]).filter((_, i) => i % every === 0);
    }
    if (axis.kind === "linear") {
      const rough = span / 5, power = 10 ** Math.floor(log10(rough)), step = power * [1, 2, 5, 10].find(m => m * power >= rough);
      const first = Math.ceil(low / step), count = Math.floor(high / step) - first + 1;
      return Array.from({length: Math.max(count, 0)}, (_, i) => [((first + i) * step - low) / span, tick((first + i) * step)]);
    }
    const values = axis.kind === "error" ? [50, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9] :
      [-18, -15, -12, -9, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 9, 12].flatMap(p => (span > 1.6 ? [1] : [1, 2, 5]).map(m => m * 10 ** p));
    const at = value => ((axis.kind === "error" ? -log10(100 - value) : log10(value)) - low) / span;
    return values.map(value => [at(value), tick(value)]).filter(([place]) => place >= -1e-6 && place <= 1 + 1e-6);
  };

  // What a page knows of the drawn designs.
  const model = {axes: {}, count: 0, names: [], colors: [], palette: [], marks: [], brush: {}, selected: null, source: null};
  const load = data => {
    if (!data || data === model.source) return;
    Object.assign(model, {source: data, count: data.count, total: data.total, names: data.names, palette: data.palette});
    Object.assign(model, {colors: bytes(data.colors), marks: bytes(data.marks)});
    model.axes = Object.fromEntries(data.axes.map(sent => [sent.name, axisOf(sent)]));
  };
  // Per design: whether it keeps limits and filter, and lies in every range.
  const passing = () => {
    const kept = Uint8Array.from(model.marks, mark => mark & 1);
    for (const [name, range] of Object.entries(model.brush)) {
      const axis = model.axes[name];
      if (!axis) continue;
      const [low, high] = bounds(axis, range);
      axis.places.forEach((place, i) => { if (!(place >= low && place <= high)) kept[i] = 0; });
    }
    return kept;
  };
  const commit = brush => window.dash_clientside.set_props("brush", {data: brush});
  const ranged = (name, range) => {
    const brush = {...model.brush};
    if (range === null) delete brush[name]; else brush[name] = range;
    return brush;
  };

  // A canvas as sharp as the screen, over the whole of a place.
  const canvas = (place, name) => {
    let found = place.querySelector(`canvas.${name}`);
    if (!found) {
      found = document.createElement("canvas");
      found.className = name;
      place.append(found);
    }
    const {width, height} = place.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    found.width = Math.round(width * ratio);
    found.height = Math.round(height * ratio);
    const pen = found.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = "11px " + getComputedStyle(document.body).fontFamily;
    return pen;
  };
  const card = (place, i, x, y) => {
    let found = place.querySelector(".line-card");
    if (!found) {
      found = document.createElement("div");
      found.className = "line-card";
      place.append(found);
    }
    found.hidden = i < 0;
    if (i < 0) return;
    found.replaceChildren(...Object.values(model.axes).map(axis => {
      const row = document.createElement("div"), value = document.createElement("b");
      value.textContent = shown(axis, i);
      row.append(`${axis.label} `, value);
      return row;
    }));
    const box = place.getBoundingClientRect();
    found.style.left = `${Math.min(x + 14, box.width - found.offsetWidth - 4)}px`;
    found.style.top = `${Math.max(4, Math.min(y + 14, box.height - found.offsetHeight - 4))}px`;
  };
  const choose = i => { if (i >= 0) window.dash_clientside.set_props("selected", {data: model.names[i]}); };
  const empty = (place, text) => {
    place.replaceChildren();
    place.dataset.kept = "";
    const told = document.createElement("div");
    told.className = "empty note";
    told.textContent = text;
    place.append(told);
  };

  const drawers = {};
  const shared = {model, style, passing, placeOf, rangeOf, bounds, shown, ticks, commit, ranged, canvas, card, choose, empty, drawers};
  window.spikesimBrush = shared;
  const TABS = {parallel: "lines", matrix: "matrix"};
  // What came for the other tab has other axes: a tab that was just opened waits for its own.
  const redraw = () => {
    for (const [id, draw] of Object.entries(drawers)) {
      const place = document.getElementById(id);
      if (place && place.offsetParent && model.source && model.source.tab === TABS[id]) draw(place);
    }
  };
  let asked = 0;
  shared.redraw = () => { cancelAnimationFrame(asked); asked = requestAnimationFrame(redraw); };
  const seen = new WeakMap();
  const watch = id => {
    const place = document.getElementById(id);
    if (!place || seen.has(place)) return;
    const watcher = new ResizeObserver(() => {
      const width = place.clientWidth;
      if (seen.get(place) !== width) { seen.set(place, width); shared.redraw(); }
    });
    seen.set(place, place.clientWidth);
    watcher.observe(place);
  };

  const none = () => window.dash_clientside.no_update;
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    brush: {
      draw(lines, brush, order, sides, selected) {
        load(lines);
        Object.assign(model, {brush: brush || {}, order: order || [], sides: sides || [], selected});
        Object.keys(drawers).forEach(watch);
        shared.redraw();
        return none();
      },
      clear(clicks) { return clicks ? {} : none(); },
      clearable(brush) { return Object.keys(brush || {}).length ? {} : {display: "none"}; },
      // The rows that are in sight are asked for anew.
      refill() {
        try { window.dash_ag_grid.getApi("designs").purgeInfiniteCache(); } catch { /* it asks by itself once it is there */ }
        return none();
      },
      // Of a study that is drawn in part, a closer look draws more.
      zoom(moved, note, known) {
        if (!moved || !/drawn/.test(note || "")) return none();
        if (moved["xaxis.autorange"] || moved["yaxis.autorange"]) return known ? null : none();
        const plot = document.querySelector("#pareto .js-plotly-plot");
        if (!plot || moved["xaxis.range[0]"] === undefined && moved["yaxis.range[0]"] === undefined) return none();
        return {x: [...plot._fullLayout.xaxis.range], y: [...plot._fullLayout.yaxis.range]};
      },
    },
  });
})();
