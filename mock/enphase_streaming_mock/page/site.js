// The section Now: the site as an energy flow, and the powers of the last ten minutes.

const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

// In the order of the chart's columns. What a power is called when it is above and below zero; a
// flow moves towards the middle when its power is above zero, and the house's away from it.
const FLOWS = [
  { name: "pv", label: "Solar", above: "producing", below: "consuming" },
  { name: "consumption", label: "House", above: "consuming", below: "producing" },
  { name: "battery", label: "Battery", above: "discharging", below: "charging" },
  { name: "grid", label: "Grid", above: "importing", below: "exporting" },
  { name: "generator", label: "Generator", above: "producing", below: "consuming" },
];

const isNumber = (value) => typeof value === "number";
const number = (value) => value.toLocaleString("en").replace("-", "\u2212");
const watts = (value) => (isNumber(value) ? `${number(value)} W` : "–");

for (const flow of FLOWS) {
  const item = document.createElement("li");
  item.className = flow.name;
  const line = document.createElementNS(SVG, "svg");
  line.setAttribute("viewBox", "0 0 24 4");
  line.setAttribute("aria-hidden", "true");
  line.append(document.createElementNS(SVG, "path"));
  line.firstChild.setAttribute("d", "M1 2H23");
  flow.value = document.createElement("b");
  flow.value.className = "number";
  flow.state = document.createElement("small");
  item.append(line, flow.label, flow.value, flow.state);
  byId("powers").append(item);
}

export function showSite(site) {
  byId("site").hidden = site === null;
  byId("replaying").hidden = site !== null;
  if (site === null) return;
  for (const flow of FLOWS) showFlow(flow, site[`${flow.name}_power`]);
  const charge = isNumber(site.battery_soc) ? site.battery_soc : null;
  byId("soc").textContent = charge === null ? "none" : `${charge} %`;
  byId("charge").style.strokeDasharray = `${charge ?? 0} 100`;
  for (const name of ["grid_status", "battery_mode", "system_id", "envoy_serial_number"]) {
    byId(name).textContent = [site[name] || "–"].flat().join(", ");
  }
}

function showFlow(flow, power) {
  const state = !isNumber(power) ? "not there" : power > 0 ? flow.above : power < 0 ? flow.below : "idle";
  flow.value.textContent = watts(power);
  flow.state.textContent = state;
  for (const group of document.querySelectorAll(`#flow .${flow.name}`)) {
    group.classList.toggle("still", !power);
    group.classList.toggle("outward", flow.name === "consumption" ? power > 0 : power < 0);
    // A kilowatt moves at one dot a second, within what an eye can follow.
    group.style.setProperty("--pace", `${Math.min(3, Math.max(0.3, 1000 / Math.abs(power || 1)))}s`);
    const [value, word] = [group.querySelector(".watts"), group.querySelector(".state")];
    if (value) value.textContent = watts(isNumber(power) ? Math.abs(power) : power);
    if (word) word.textContent = state;
  }
}

export function showChart(rows) {
  const all = rows.flat();
  // Whole kilowatts, with room for a line that would run along the edge.
  const most = Math.max(1000, Math.ceil(Math.max(...all, 0) / 980) * 1000);
  const least = Math.floor(Math.min(...all, 0) / 980) * 1000;
  const height = (power) => ((most - power) / (most - least)) * 100;
  FLOWS.forEach((flow, column) => {
    // The newest row is at the right edge, and 120 steps are the whole width.
    const points = rows.map((row, index) => `${600 - (rows.length - 1 - index) * 5},${height(row[column])}`);
    document.querySelector(`polyline.${flow.name}`).setAttribute("points", points.join(" "));
  });
  byId("zero").setAttribute("d", `M0 ${height(0)}H600`);
  byId("most").textContent = `${number(most / 1000)} kW`;
  byId("least").textContent = `${number(least / 1000)} kW`;
  const ranges = FLOWS.map((flow, column) => {
    const values = rows.map((row) => row[column]);
    return rows.length ? `${flow.label} ${Math.min(...values)} to ${Math.max(...values)} W` : flow.label;
  });
  byId("charted").textContent = `Powers of the last ten minutes: ${ranges.join(", ")}`;
}
