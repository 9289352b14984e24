// Parallel coordinates: a line per design over axes that can be brushed and moved.
(() => {
  const shared = window.spikesimBrush, {model} = shared;
  const TOP = 54, BOTTOM = 66, SIDE = 46, HEIGHT = 440, NEAR = 18, EDGE = 7;
  let held = null, hovered = -1;

  const axesOf = () => model.order.filter(name => model.axes[name]).map(name => model.axes[name]);
  const geometry = place => {
    const axes = axesOf(), width = place.clientWidth, gap = (width - 2 * SIDE) / Math.max(axes.length - 1, 1);
    const x = i => axes.length === 1 ? width / 2 : SIDE + i * gap;
    const y = at => TOP + (1 - at) * (HEIGHT - TOP - BOTTOM);
    return {axes, width, gap, x, y, at: pixel => (1 - (pixel - TOP) / (HEIGHT - TOP - BOTTOM) - 0.03) / 0.94};
  };
  const inner = share => 0.03 + 0.94 * share;

  const stroke = (pen, space, lines) => {
    pen.beginPath();
    for (const i of lines) {
      let on = false;
      space.axes.forEach((axis, a) => {
        const at = axis.drawn[i];
        if (Number.isNaN(at)) { on = false; return; }
        if (on) pen.lineTo(space.x(a), space.y(at)); else pen.moveTo(space.x(a), space.y(at));
        on = true;
      });
    }
    pen.stroke();
  };

  const lines = (place, space) => {
    const pen = shared.canvas(place, "lines"), kept = shared.passing();
    const groups = model.palette.map(() => []), fronts = model.palette.map(() => []), grey = [];
    kept.forEach((keeps, i) => {
      if (!keeps) grey.push(i);
      else (model.marks[i] & 2 ? fronts : groups)[model.colors[i]].push(i);
    });
    const count = model.count - grey.length;
    pen.lineWidth = 1;
    pen.strokeStyle = shared.style("--muted");
    pen.globalAlpha = Math.max(0.03, Math.min(0.25, 120 / Math.max(grey.length, 1)));
    stroke(pen, space, grey);
    const paint = (sets, alpha, width) => {
      pen.globalAlpha = alpha;
      pen.lineWidth = width;
      // strokes of one path do not add up: a few at a time show where lines are dense; by turns, so that no colour
      // lies over all others
      const turns = Math.ceil(Math.max(...sets.map(set => set.length), 0) / 20);
      for (let turn = 0; turn < turns; turn++)
        sets.forEach((set, color) => {
          const part = set.slice(Math.floor(set.length * turn / turns), Math.floor(set.length * (turn + 1) / turns));
          pen.strokeStyle = model.palette[color];
          if (part.length) stroke(pen, space, part);
        });
    };
    paint(groups, Math.max(0.12, Math.min(0.75, 250 / Math.max(count, 1))), 1);
    paint(fronts, 1, 1.8);
    place.dataset.kept = count;
    place.dataset.drawn = model.count;
    place.dataset.axes = space.axes.map(axis => axis.name).join(",");
    place.setAttribute("aria-label", `${count} of ${model.count} drawn designs pass`);
    pen.globalAlpha = 1;
    space.axes.forEach((axis, a) => rule(pen, space, axis, a));
  };
  const rule = (pen, space, axis, a) => {
    const x = space.x(a), last = a === space.axes.length - 1 && a > 0;
    pen.strokeStyle = shared.style("--muted");
    pen.lineWidth = 1.2;
    pen.beginPath();
    pen.moveTo(x, space.y(inner(0)));
    pen.lineTo(x, space.y(inner(1)));
    pen.stroke();
    pen.textAlign = last ? "right" : "left";
    pen.textBaseline = "middle";
    const paper = shared.style("--paper"), ink = shared.style("--ink");
    pen.lineWidth = 3.5;
    pen.lineJoin = "round";
    for (const [at, text] of shared.ticks(axis)) {
      pen.strokeStyle = paper;
      pen.strokeText(text, x + (last ? -6 : 6), space.y(inner(at)));
      pen.fillStyle = ink;
      pen.fillText(text, x + (last ? -6 : 6), space.y(inner(at)));
    }
    const range = model.brush[axis.name];
    if (!range) return;
    const [low, high] = shared.bounds(axis, range).map(at => Math.max(-0.02, Math.min(1.02, at)));
    const slack = axis.kind === "level" ? 0.02 : 0;
    const top = space.y(inner(high + slack)), height = Math.max(space.y(inner(low - slack)) - top, 3);
    pen.globalAlpha = 0.28;
    pen.fillStyle = shared.style("--accent");
    pen.fillRect(x - 8, top, 16, height);
    pen.globalAlpha = 1;
    pen.strokeStyle = shared.style("--accent");
    pen.lineWidth = 1.4;
    pen.strokeRect(x - 8, top, 16, height);
  };

  const over = (place, space) => {
    const pen = shared.canvas(place, "over"), chosen = model.names.indexOf(model.selected);
    for (const [i, color, width] of [[chosen, "#D55E00", 2.6], [hovered, shared.style("--ink"), 2.2]]) {
      if (i < 0) continue;
      pen.strokeStyle = color;
      pen.lineWidth = width;
      stroke(pen, space, [i]);
    }
  };

  // Names that move their axes, and fields for the ends of ranges.
  const heads = (place, space) => {
    let box = place.querySelector(".line-heads");
    if (!box) {
      box = document.createElement("div");
      box.className = "line-heads";
      place.append(box);
    }
    const key = space.axes.map(axis => axis.name).join("|");
    if (box.dataset.key !== key) {
      const focused = box.contains(document.activeElement) ? named(document.activeElement) : null;
      box.dataset.key = key;
      box.replaceChildren(...space.axes.map(axis => head(place, axis)));
      if (focused) [...box.querySelectorAll("button, input")].find(part => named(part) === focused)?.focus();
    }
    [...box.children].forEach((part, a) => {
      part.style.left = `${space.x(a) - Math.min(space.gap, 120) / 2}px`;
      part.style.width = `${Math.min(space.gap, 120)}px`;
      const axis = space.axes[a], range = model.brush[axis.name] || [null, null];
      part.querySelectorAll("input").forEach((field, end) => {
        if (field !== document.activeElement) field.value = words(axis, range[end === 0 ? 1 : 0]);
      });
    });
  };
  const named = part => part.dataset.name || part.getAttribute("aria-label");
  const words = (axis, value) => {
    if (value === null || value === undefined) return "";
    return typeof value === "string" ? value : String(Number((value * axis.factor).toPrecision(5)));
  };
  const head = (place, axis) => {
    const part = document.createElement("div"), name = document.createElement("button");
    part.className = "line-head";
    name.className = "line-name";
    name.dataset.name = axis.name;
    name.title = `${axis.title}: drag, or press ← or →, to move it`;
    const [room, ...rest] = axis.label.replaceAll("_", "_\u200b").split(".");
    name.append(...(rest.length ? [small(`${room}.`), rest.join(".")] : [room]), ...(axis.unit ? [small(axis.unit)] : []));
    name.addEventListener("keydown", event => {
      const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (step) { event.preventDefault(); move(axis.name, model.order.indexOf(axis.name) + step); }
    });
    name.addEventListener("pointerdown", event => drag(place, name, axis, event));
    part.append(name, ...["most", "least"].map(end => field(axis, end)));
    return part;
  };
  const small = text => {
    const part = document.createElement("span");
    part.className = "faint";
    part.textContent = text;
    return part;
  };
  const field = (axis, end) => {
    const found = document.createElement("input"), upper = end === "most", at = upper ? 1 : 0;
    found.placeholder = upper ? "max" : "min";
    found.setAttribute("aria-label", `${end} ${axis.label}`);
    const range = () => [...(model.brush[axis.name] || [null, null])];
    const set = value => {
      const next = range();
      next[at] = value;
      shared.commit(shared.ranged(axis.name, next[0] === null && next[1] === null ? null : next));
    };
    const typed = () => {
      const text = found.value.trim();
      if (text === "") return null;
      if (axis.kind === "level" && typeof axis.levels[0] === "string") return axis.levels.includes(text) ? text : undefined;
      return Number.isFinite(Number(text)) ? Number((Number(text) / axis.factor).toPrecision(9)) : undefined;
    };
    found.addEventListener("change", () => {
      const value = typed();
      found.classList.toggle("wrong", value === undefined);
      if (value !== undefined) set(value);
    });
    found.addEventListener("keydown", event => {
      const step = {ArrowUp: 1, ArrowDown: -1}[event.key];
      if (!step) return;
      event.preventDefault();
      const now = range()[at], place = now === null ? at : shared.placeOf(axis, now, upper);
      const by = axis.kind === "level" ? 1 / Math.max(axis.levels.length - 1, 1) : 0.02;
      const to = Math.max(0, Math.min(1, place + step * by)), next = shared.rangeOf(axis, upper ? 0 : to, upper ? to : 1);
      found.value = words(axis, next ? next[at] : null);
      set(next ? next[at] : null);
    });
    return found;
  };

  const move = (name, to) => {
    const order = model.order.filter(other => other !== name);
    order.splice(Math.max(0, Math.min(order.length, to)), 0, name);
    window.dash_clientside.set_props("lines-axes", {value: order});
  };
  const drag = (place, name, axis, event) => {
    const from = event.clientX, part = name.parentElement;
    const shift = to => { part.style.transform = `translateX(${to.clientX - from}px)`; };
    const drop = to => {
      document.removeEventListener("pointermove", shift);
      part.style.transform = "";
      const space = geometry(place), moved = Math.round((to.clientX - from) / space.gap);
      if (moved) move(axis.name, model.order.indexOf(axis.name) + moved);
    };
    document.addEventListener("pointermove", shift);
    document.addEventListener("pointerup", drop, {once: true});
  };

  // Where a pointer is: which axis it is on, which line it is at.
  const spot = (place, event) => {
    const box = place.getBoundingClientRect(), x = event.clientX - box.x, y = event.clientY - box.y, space = geometry(place);
    const near = Math.max(0, Math.min(space.axes.length - 1, Math.round((x - SIDE) / space.gap)));
    const a = space.axes.length === 1 ? 0 : near;
    return {x, y, space, axis: Math.abs(space.x(a) - x) <= NEAR ? space.axes[a] : null, at: space.at(y)};
  };
  const lineAt = ({x, y, space}) => {
    const left = Math.max(0, Math.min(space.axes.length - 2, Math.floor((x - SIDE) / space.gap))), kept = shared.passing();
    if (space.axes.length < 2) return -1;
    const first = space.axes[left].drawn, second = space.axes[left + 1].drawn, share = (x - space.x(left)) / space.gap;
    let best = -1, least = 7;
    for (let i = 0; i < model.count; i++) {
      if (!kept[i]) continue;
      const away = Math.abs(space.y(first[i] + share * (second[i] - first[i])) - y);
      if (away < least) { least = away; best = i; }
    }
    return best;
  };
  const begin = (place, event) => {
    const found = spot(place, event);
    if (!found.axis) { choose(found); return; }
    const range = model.brush[found.axis.name], {space, axis} = found;
    held = {axis, from: found.at, y: found.y, moved: false};
    if (range) {
      const [low, high] = shared.bounds(axis, range), near = pixels => Math.abs(space.y(inner(pixels)) - found.y) <= EDGE;
      if (near(low)) held.from = high;
      else if (near(high)) held.from = low;
      else if (found.at > low && found.at < high) held.whole = [low, high];
    }
    place.setPointerCapture(event.pointerId);
  };
  const choose = found => shared.choose(lineAt(found));
  const follow = (place, event) => {
    const found = spot(place, event);
    if (held) {
      if (!held.moved && Math.abs(found.y - held.y) < 4) return; // a click with an unsteady hand is no range
      held.moved = true;
      const by = found.at - held.from;
      const [a, b] = held.whole ? held.whole.map(end => end + by) : [held.from, found.at];
      held.range = shared.rangeOf(held.axis, Math.max(0, Math.min(a, b)), Math.min(1, Math.max(a, b)));
      model.brush = shared.ranged(held.axis.name, held.range);
      shared.redraw();
      return;
    }
    place.style.cursor = found.axis ? "ns-resize" : "default";
    const now = found.axis ? -1 : lineAt(found);
    shared.card(place, now, found.x, found.y);
    if (now !== hovered) { hovered = now; over(place, found.space); }
  };
  const release = () => {
    if (held && held.moved) shared.commit(model.brush);
    held = null;
  };

  shared.drawers.parallel = place => {
    const space = geometry(place);
    if (!model.count) return shared.empty(place, "No design yet: each will be a line over its settings and numbers.");
    if (!space.axes.length) return shared.empty(place, "Choose axes above: each design becomes a line across them.");
    if (place.querySelector(".empty")) place.replaceChildren();
    place.style.height = `${HEIGHT}px`;
    if (!place.dataset.bound) {
      place.dataset.bound = "yes";
      place.setAttribute("role", "group");
      const own = handler => event => { if (event.target.tagName === "CANVAS" || held) handler(place, event); };
      place.addEventListener("pointerdown", own(begin));
      place.addEventListener("pointermove", own(follow));
      place.addEventListener("pointerup", release);
      place.addEventListener("pointerleave", () => { hovered = -1; shared.card(place, -1); over(place, geometry(place)); });
      place.addEventListener("dblclick", own((_, event) => {
        const {axis} = spot(place, event);
        if (axis) shared.commit(shared.ranged(axis.name, null));
      }));
    }
    lines(place, space);
    over(place, space);
    heads(place, space);
  };
})();
