// Scatter matrix: every pair of a few columns; a box keeps a range of both.
(() => {
  const shared = window.spikesimBrush, {model} = shared;
  const LEFT = 62, BOTTOM = 40, GAP = 10, NEAR = 9;
  let held = null, hovered = -1;

  const geometry = place => {
    const axes = model.sides.filter(name => model.axes[name]).map(name => model.axes[name]), count = Math.max(axes.length - 1, 1);
    const wide = (place.clientWidth - LEFT - GAP * count) / count, high = Math.max(90, Math.min(wide * 0.72, 210));
    const cells = [];
    for (let row = 1; row < axes.length; row++)
      for (let column = 0; column < row; column++)
        cells.push({row, column, across: axes[column], up: axes[row], x: LEFT + column * (wide + GAP), y: 6 + (row - 1) * (high + GAP)});
    return {axes, cells, wide, high, height: 6 + count * (high + GAP) + BOTTOM};
  };
  const spots = (space, cell, i) => [cell.x + cell.across.drawn[i] * space.wide, cell.y + (1 - cell.up.drawn[i]) * space.high];

  const points = (place, space) => {
    const pen = shared.canvas(place, "lines"), kept = shared.passing();
    const grey = [], usual = [], fronts = [];
    kept.forEach((keeps, i) => (keeps ? model.marks[i] & 2 ? fronts : usual : grey).push(i));
    const rule = shared.style("--rule"), muted = shared.style("--muted"), accent = shared.style("--accent");
    const dots = (cell, set, size, color, alpha) => {
      pen.globalAlpha = alpha;
      for (const i of set) {
        const [x, y] = spots(space, cell, i);
        if (Number.isNaN(x) || Number.isNaN(y)) continue;
        pen.fillStyle = color || model.palette[model.colors[i]];
        pen.fillRect(x - size / 2, y - size / 2, size, size);
      }
    };
    const size = Math.max(2.4, Math.min(5, 60 / Math.sqrt(model.count)));
    for (const cell of space.cells) {
      pen.globalAlpha = 1;
      pen.strokeStyle = rule;
      pen.strokeRect(cell.x, cell.y, space.wide, space.high);
      dots(cell, grey, size, muted, 0.35);
      dots(cell, usual, size, null, Math.max(0.3, Math.min(0.9, 2500 / Math.max(usual.length, 1))));
      dots(cell, fronts, size + 3, null, 1);
      pen.globalAlpha = 0.14;
      pen.fillStyle = accent;
      const [xs, ys] = [cell.across, cell.up].map(axis => {
        const range = model.brush[axis.name];
        return range && shared.bounds(axis, range).map(at => 0.03 + 0.94 * Math.max(-0.03, Math.min(1.03, at)));
      });
      if (xs || ys) {
        const [l, r] = xs || [0, 1], [b, t] = ys || [0, 1], pad = 4;
        pen.fillRect(cell.x + l * space.wide - pad, cell.y + (1 - t) * space.high - pad, (r - l) * space.wide + 2 * pad, (t - b) * space.high + 2 * pad);
      }
    }
    pen.globalAlpha = 1;
    pen.fillStyle = muted;
    labels(pen, space);
    const count = model.count - grey.length;
    place.dataset.kept = count;
    place.dataset.drawn = model.count;
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", `${count} of ${model.count} drawn designs pass`);
  };
  const labels = (pen, space) => {
    const last = space.axes.length - 1;
    const thin = (ticks, most) => ticks.filter((_, i) => i % Math.ceil(ticks.length / most) === 0);
    for (const cell of space.cells) {
      if (cell.row === last) {
        pen.textAlign = "center";
        for (const [at, text] of thin(shared.ticks(cell.across), 6)) pen.fillText(text, cell.x + (0.03 + 0.94 * at) * space.wide, cell.y + space.high + 14);
        pen.fillText(cell.across.title, cell.x + space.wide / 2, cell.y + space.high + 31, space.wide);
      }
      if (cell.column === 0) {
        pen.textAlign = "right";
        for (const [at, text] of thin(shared.ticks(cell.up), 5)) pen.fillText(text, cell.x - 5, cell.y + (1 - 0.03 - 0.94 * at) * space.high + 4);
        pen.save();
        pen.translate(14, cell.y + space.high / 2);
        pen.rotate(-Math.PI / 2);
        pen.textAlign = "center";
        pen.fillText(cell.up.title, 0, 0, space.high);
        pen.restore();
      }
    }
  };
  const over = (place, space) => {
    const pen = shared.canvas(place, "over"), chosen = model.names.indexOf(model.selected);
    for (const [i, color] of [[chosen, "#D55E00"], [hovered, shared.style("--ink")]]) {
      if (i < 0) continue;
      pen.strokeStyle = color;
      pen.lineWidth = 2;
      for (const cell of space.cells) {
        const [x, y] = spots(space, cell, i);
        if (Number.isNaN(x) || Number.isNaN(y)) continue;
        pen.beginPath();
        pen.arc(x, y, 6, 0, 7);
        pen.stroke();
      }
    }
    if (!held || !held.to) return;
    pen.strokeStyle = shared.style("--accent");
    pen.strokeRect(held.from.x, held.from.y, held.to.x - held.from.x, held.to.y - held.from.y);
  };

  const spot = (place, event) => {
    const box = place.getBoundingClientRect(), x = event.clientX - box.x, y = event.clientY - box.y, space = geometry(place);
    const cell = space.cells.find(c => x >= c.x && x <= c.x + space.wide && y >= c.y && y <= c.y + space.high);
    return {x, y, space, cell};
  };
  const pointAt = ({x, y, space, cell}) => {
    if (!cell) return -1;
    const kept = shared.passing();
    let best = -1, least = NEAR * NEAR;
    for (let i = 0; i < model.count; i++) {
      if (!kept[i]) continue;
      const [a, b] = spots(space, cell, i), away = (a - x) ** 2 + (b - y) ** 2;
      if (away < least) { least = away; best = i; }
    }
    return best;
  };
  const follow = (place, event) => {
    const found = spot(place, event);
    if (held) {
      held.to = found;
      over(place, found.space);
      return;
    }
    const now = pointAt(found);
    place.style.cursor = found.cell ? "crosshair" : "default";
    shared.card(place, now, found.x, found.y);
    if (now !== hovered) { hovered = now; over(place, found.space); }
  };
  const release = place => {
    if (!held) return;
    const {from, to} = held, {cell, space} = from;
    held = null;
    if (!to || Math.hypot(to.x - from.x, to.y - from.y) < 5) { shared.choose(pointAt(from)); over(place, space); return; }
    const x = pixel => ((pixel - cell.x) / space.wide - 0.03) / 0.94, y = pixel => (1 - (pixel - cell.y) / space.high - 0.03) / 0.94;
    const clip = at => Math.max(0, Math.min(1, at));
    model.brush = shared.ranged(cell.across.name, shared.rangeOf(cell.across, clip(x(from.x)), clip(x(to.x))));
    shared.commit(shared.ranged(cell.up.name, shared.rangeOf(cell.up, clip(y(from.y)), clip(y(to.y)))));
  };

  shared.drawers.matrix = place => {
    const space = geometry(place);
    if (!model.count) return shared.empty(place, "No design yet: each will be a point in every pair of its numbers.");
    if (space.axes.length < 2) return shared.empty(place, "Choose two to five columns above: every pair of them becomes a small cloud.");
    if (place.querySelector(".empty")) place.replaceChildren();
    place.style.height = `${space.height}px`;
    if (!place.dataset.bound) {
      place.dataset.bound = "yes";
      place.addEventListener("pointerdown", event => {
        const found = spot(place, event);
        if (found.cell) { held = {from: found, to: null}; place.setPointerCapture(event.pointerId); }
      });
      place.addEventListener("pointermove", event => follow(place, event));
      place.addEventListener("pointerup", () => release(place));
      place.addEventListener("pointerleave", () => { hovered = -1; shared.card(place, -1); over(place, geometry(place)); });
      place.addEventListener("dblclick", event => {
        const {cell} = spot(place, event);
        if (!cell) return;
        model.brush = shared.ranged(cell.across.name, null);
        shared.commit(shared.ranged(cell.up.name, null));
      });
    }
    points(place, space);
    over(place, space);
  };
})();
