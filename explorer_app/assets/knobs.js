// The knobs of the What-if page. They are the browser's own controls: a hundred that the server would describe one by
// one took Dash four seconds a turn. `what-stops` says what each can be, `what-places` where the turned ones stand.
window.dash_clientside = Object.assign({}, window.dash_clientside, {
  knobs: (() => {
    const box = () => document.getElementById("knobs");
    const knobs = () => [...document.querySelectorAll("#knobs .knob")];
    const WAIT_MS = 60;
    let waiting = null;

    const make = (tag, className, text) => Object.assign(document.createElement(tag), {className, textContent: text ?? ""});

    function knob(row) {
      const whole = make("div", "knob"), head = make("div", "limit-head");
      const name = Object.assign(make("span", "knob-name", row.title), {tabIndex: 0});
      name.dataset.tip = row.about;
      head.append(name);
      let tool;
      if (row.numeric) {
        tool = Object.assign(document.createElement("input"), {type: "range", min: 0, max: row.values.length - 1, step: 1});
        head.append(make("span", "limit-words"));
      } else {
        tool = document.createElement("select");
        row.labels.forEach((label, index) => tool.append(new Option(label, index)));
      }
      tool.setAttribute("aria-label", row.name);
      tool.addEventListener("input", () => { say(whole); tell(WAIT_MS); });
      whole.append(head, tool);
      Object.assign(whole, {row, tool});
      tool.value = row.at;
      say(whole);
      return whole;
    }

    // What a knob says, and whether it was turned.
    function say({row, tool}) {
      const turned = Number(tool.value) !== row.base, words = tool.parentElement.querySelector(".limit-words");
      tool.parentElement.classList.toggle("turned", turned);
      tool.setAttribute("aria-valuetext", row.labels[tool.value]);
      if (words) words.textContent = row.labels[tool.value];
    }

    const places = () => Object.fromEntries(knobs().filter(each => Number(each.tool.value) !== each.row.base)
      .map(each => [each.row.name, Number(each.tool.value)]));

    function tell(after) {
      window.clearTimeout(waiting);
      waiting = window.setTimeout(() => window.dash_clientside.set_props("what-places", {data: places()}), after);
    }

    function tip(event) {
      const name = event.target.closest && event.target.closest(".knob-name"), old = document.getElementById("knob-tip");
      if (old) old.remove();
      if (!name || ["mouseout", "focusout"].includes(event.type)) return;
      const shown = Object.assign(make("div", "knob-tip", name.dataset.tip), {id: "knob-tip", role: "tooltip"});
      name.setAttribute("aria-describedby", shown.id);
      document.body.append(shown);
      const {left, top, bottom} = name.getBoundingClientRect(), {offsetHeight, offsetWidth} = shown;
      shown.style.left = `${Math.max(4, Math.min(left, window.innerWidth - offsetWidth - 8))}px`;
      shown.style.top = `${top > offsetHeight + 12 ? top - offsetHeight - 6 : bottom + 6}px`;
    }

    return {
      build(rows) {
        const groups = new Map();
        for (const row of rows) groups.set(row.section, [...(groups.get(row.section) || []), knob(row)]);
        box().replaceChildren(...[...groups].map(([section, members]) => {
          const group = make("div", "knob-group"), grid = make("div", "knob-grid");
          grid.append(...members);
          group.append(make("h5", "knob-section", section), grid);
          return group;
        }));
        // once each, however often the knobs are built anew
        for (const kind of ["mouseover", "mouseout", "focusin", "focusout"]) box().addEventListener(kind, tip);
        return places();
      },
      // Shows the knobs whose name or meaning holds every word.
      find(text, placed, rows) {
        const wanted = (text || "").toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean);
        for (const each of knobs()) {
          const own = `${each.row.name} ${each.row.about}`.toLowerCase().replaceAll("_", " ");
          each.hidden = !wanted.every(word => own.includes(word));
        }
        for (const group of document.querySelectorAll(".knob-group"))
          group.hidden = !group.querySelector(".knob:not([hidden])");
        return `${(rows || []).length} of them; hover a name for its meaning`;
      },
      reset(clicks) {
        if (!clicks) return window.dash_clientside.no_update;
        for (const each of knobs()) {
          each.tool.value = each.row.base;
          say(each);
        }
        return {};
      },
    };
  })(),
});
