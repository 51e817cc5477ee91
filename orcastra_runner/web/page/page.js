// Shows the data of the API. All of it is inserted as text, never as markup.
"use strict";

const EVERY = 2000;
const SHOWN = 200;
const GIB = 1024 ** 3;
const parts = ["state", "plan", "history"];
const found = {};
const etags = {};
let answered = 0;
let failure = null;
let showAll = false;
let chosen = null;
let notice = "";

const at = (id) => document.getElementById(id);

function make(tag, options, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options || {})) {
    if (name === "class") element.className = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const fill = (id, ...children) => at(id).replaceChildren(...children.flat().filter(Boolean));
const badge = (text, kind) => make("span", { class: `badge ${kind || ""}` }, text);
const plural = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const gib = (bytes) => `${(bytes / GIB).toFixed(1)} GiB`;
const lines = (kind, texts) => (texts || []).map((text) => make("p", { class: kind }, text));
const soft = (text) => make("p", { class: "soft" }, text);
const list = (items, empty) => (items.length ? make("ol", { class: "list" }, items) : soft(empty));

// How long ago a time is, or in how long it comes: "3 min ago", "in 20 s".
function relative(iso) {
  if (!iso) return "never";
  const seconds = (Date.now() - new Date(iso)) / 1000;
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const [unit, length] = units.find(([, size]) => Math.abs(seconds) >= 2 * size) || ["s", 1];
  const number = Math.round(Math.abs(seconds) / length);
  if (number === 0) return "now";
  return seconds > 0 ? `${number} ${unit} ago` : `in ${number} ${unit}`;
}

function moment(iso) {
  if (!iso) return "never";
  const time = new Date(iso);
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? time.toLocaleTimeString() : time.toLocaleString();
}

const stamp = (iso) => make("time", { class: "soft", datetime: iso || "", title: moment(iso) }, relative(iso));

function places(nodes) {
  return Object.entries(nodes).map(([node, number]) => (number > 1 ? `${node} ×${number}` : node)).join(", ") || "–";
}

// Whether this instance changes nothing, so that there are no actions.
const isPassive = ({ instance }) => instance.dry_run || instance.read_only;

// Why a service is short of tasks.
function problem(service) {
  if (!service?.problem) return null;
  const since = service.short_since ? soft(`since ${moment(service.short_since)}`) : null;
  return make("div", {}, make("p", { class: "error" }, service.problem), since);
}

function runs(service) {
  const parts = service.expected || !service.finished ? [`${service.running} of ${service.expected}`] : [];
  return [...parts, ...(service.finished ? [`${service.finished} finished`] : [])].join(", ");
}

// Swarm pauses an update if its tasks end early, even if they completed.
function updating(service) {
  const isFinished = service.finished && service.running >= service.expected && !service.problem;
  return service.update && !isFinished && !["completed", "rollback_completed"].includes(service.update);
}

function banners() {
  const { plan, state } = found;
  const shown = [];
  if (failure && Date.now() - answered > 3 * EVERY) {
    shown.push(make("p", { class: "banner bad" }, `No response from Orcastra: ${failure}. The data below may be out of date.`));
  }
  if (state?.instance.read_only) {
    shown.push(make("p", { class: "banner" }, "Not configured: this page shows the swarm, and this instance changes nothing. " +
      "Next step: run orcastra init, which writes a swarm.yml."));
  } else if (state?.instance.dry_run) {
    shown.push(make("p", { class: "banner warn" }, "Dry run: this instance only plans and changes nothing."));
  }
  if (plan && !plan.acts && !(state && isPassive(state))) {
    const leader = state?.swarm?.leader;
    const where = leader && leader !== state.swarm.node ? ` The instance on ${leader} has the plan and the actions.` : "";
    shown.push(make("p", { class: "banner warn" }, `This instance is on standby.${where}`));
  }
  if (notice) shown.push(make("p", { class: "banner" }, notice));
  fill("banners", shown);
}

function verdict() {
  const found_verdict = found.plan?.verdict;
  at("verdict").hidden = !found_verdict;
  if (!found_verdict) return;
  const { sync, health, text } = found_verdict;
  const kinds = { degraded: "bad", progressing: "warn", healthy: sync.status === "out_of_sync" ? "warn" : "good" };
  if (at("verdict").textContent !== text) at("verdict").textContent = text;
  at("verdict").className = kinds[health.status] || "";
}

// One color for all services of an anchor, and one for each other stack.
function color(name) {
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) % 360;
  return `hsl(${hash} 55% 72%)`;
}

function swarmMap(words) {
  const { state } = found;
  const group = new Map();
  for (const one of state.groups) {
    group.set(one.anchor, one.anchor);
    for (const follower of one.followers) if (!group.has(follower.service)) group.set(follower.service, one.anchor);
  }
  const moving = new Set((state.moves || []).map((move) => move.service));
  const largest = Math.max(1, ...state.services.map((service) => service.memory_bytes || 0));
  const columns = state.nodes.map((node) => {
    const tasks = [];
    for (const service of state.services) {
      const count = service.nodes[node.hostname] || 0;
      if (!count || !matches(words, service.name, service.stack || "", node.hostname)) continue;
      const each = service.memory_bytes ? `, ${gib(service.memory_bytes)} each` : "";
      for (let number = 0; number < Math.min(count, 20); number += 1) {
        const kinds = ["task", service.running < service.expected && "short", moving.has(service.name) && "moving"];
        const block = make("div", { class: kinds.filter(Boolean).join(" "), title: `${service.name}${each}` }, service.name);
        block.style.backgroundColor = color(group.get(service.name) || service.stack || service.name);
        block.style.height = `${1.15 + 3.5 * (service.memory_bytes || 0) / largest}rem`;
        tasks.push(block);
      }
    }
    const name = make("button", { type: "button", class: "name", "aria-label": `What if ${node.hostname} is lost?` }, node.hostname);
    name.addEventListener("click", () => forecast(node.hostname));
    const kinds = ["node", node.state !== "ready" && "bad", node.hostname === chosen && "chosen"];
    return make("div", { class: kinds.filter(Boolean).join(" ") }, tasks.slice(0, SHOWN), name);
  });
  at("map-part").hidden = !columns.length;
  fill("map", columns);
}

async function forecast(hostname) {
  chosen = chosen === hostname ? null : hostname;
  services();
  if (!chosen) return fill("forecast");
  fill("forecast", soft(`If ${hostname} is lost …`));
  const answer = await lost(hostname);
  if (chosen === hostname) fill("forecast", answer);
}

// What what-if says about the loss of a node.
async function lost(hostname) {
  try {
    const reply = await fetch(`api/what-if?lose=${encodeURIComponent(hostname)}`, { cache: "no-store" });
    const data = await reply.json();
    if (!reply.ok) throw new Error(data.error || `HTTP ${reply.status}`);
    return data.text.split("\n").filter(Boolean).map((line) => make("p", { class: line.startsWith(" ") ? "why" : "what" }, line));
  } catch (error) {
    return [make("p", { class: "error" }, error.message)];
  }
}

// Asks for confirmation and for the token, if this tab doesn't have it yet, and sends the request.
async function act(title, text, path, body) {
  at("ask-title").textContent = title;
  fill("ask-text", text);
  at("ask-error").textContent = "";
  const known = sessionStorage.getItem("token") || "";
  at("token").value = known;
  at("ask-token").hidden = at("ask-hint").hidden = Boolean(known);
  const dialog = at("ask");
  dialog.returnValue = "";
  dialog.showModal();
  at("ask-ok").onclick = async (event) => {
    event.preventDefault();
    at("ask-ok").disabled = true;
    const token = at("token").value.trim();
    try {
      const headers = { "Content-Type": "application/json" };
      if (token) headers.Authorization = `Bearer ${token}`;
      const reply = await fetch(path, { method: "POST", headers, body: body ? JSON.stringify(body) : "" });
      const data = await reply.json();
      if (reply.status === 401 || reply.status === 403) {
        sessionStorage.removeItem("token");
        at("ask-token").hidden = at("ask-hint").hidden = false;
      }
      if (!reply.ok) throw new Error(data.error || `HTTP ${reply.status}`);
      if (token) sessionStorage.setItem("token", token);
      dialog.close();
      notice = `${title}: ${data.message || data.status}`;
      banners();
    } catch (error) {
      at("ask-error").textContent = error.message;
    }
    at("ask-ok").disabled = false;
  };
}

function button(label, name, onClick) {
  const element = make("button", { type: "button", "aria-label": name }, label);
  element.addEventListener("click", onClick);
  return element;
}

function planned() {
  const steps = found.plan?.steps || [];
  if (!steps.length) return [soft("Orcastra observes the swarm and plans again. No changes are pending now.")];
  return [soft(`${plural(steps.length, "change")} pending now:`), ...steps.map((step) => make("p", { class: "what" }, step.summary))];
}

const command = (title, text, body) => act(title, text, "commands", body);

// The actions for a node. Only the active instance runs commands.
function nodeActions(node) {
  if (!found.plan?.acts || isPassive(found.state)) return null;
  if (node.availability === "active") {
    return make("div", { class: "buttons" }, button("Drain", `drain ${node.hostname}`, async () => {
      command(`Drain ${node.hostname}`, [soft("Swarm moves its tasks to other nodes:"), ...await lost(node.hostname)],
        { command: "drain_node", node: node.hostname });
    }));
  }
  return make("div", { class: "buttons" }, button("Activate", `activate ${node.hostname}`, () => {
    command(`Activate ${node.hostname}`, [soft("Swarm may start tasks on this node again. Running tasks don't move.")],
      { command: "activate_node", node: node.hostname });
  }));
}

function serviceActions(service) {
  if (!found.plan?.acts || isPassive(found.state) || !service) return null;
  return button("Restart", `restart ${service.name}`, () => {
    const running = `Swarm replaces ${plural(service.running, "task")} of ${service.name} (${places(service.nodes)}), according to its update settings.`;
    command(`Restart ${service.name}`, [soft(running)], { command: "restart_service", service: service.name });
  });
}

function glance() {
  const { state, plan } = found;
  if (!state.swarm) return fill("glance");
  const ready = state.nodes.filter((node) => node.state === "ready").length;
  const short = state.services.filter((service) => service.running < service.expected).length;
  const given = state.attempts.filter((entry) => entry.given_up).length;
  const numbers = [
    ["nodes ready", `${ready} of ${state.nodes.length}`, ready < state.nodes.length ? "bad" : ""],
    ["services", state.services.length, ""],
    ["tasks running", state.swarm.running_tasks, ""],
    ["services short of tasks", short, short ? "warn" : ""],
    ["steps planned", plan ? plan.steps.length : "–", ""],
    ["given up", given, given ? "bad" : ""],
  ];
  fill("glance", numbers.map(([name, value, kind]) =>
    make("div", { class: kind }, make("dt", {}, name), make("dd", {}, String(value)))));
}

function attention() {
  const { state, plan } = found;
  const items = state.errors.map((error) =>
    make("li", {}, make("p", { class: "error" }, error.text), soft(`${error.topic}, since ${moment(error.since)}`)));
  for (const text of texts(state.damage || [])) items.push(make("li", {}, make("p", { class: "error" }, text)));
  for (const entry of state.attempts || []) {
    if (!entry.given_up) continue;
    const retry = plan?.acts && !isPassive(state) && button("Try again", `try ${entry.service} again`, () =>
      command("Try again", [soft("Orcastra forgets failed attempts and moves all misplaced followers to their anchors now.")],
        { command: "update_dependents" }));
    items.push(make("li", {}, make("p", { class: "what" }, `${entry.service}: given up`), retry || null,
      make("p", { class: "error" }, entry.given_up.text), soft(`${entry.reason.text}; since ${moment(entry.since)}`)));
  }
  for (const text of plan ? texts(plan.warnings) : []) items.push(make("li", {}, badge("warning", "warn"), ` ${text}`));
  at("attention-part").hidden = !items.length;
  fill("attention", list(items, ""));
}

function texts(messages) {
  return messages.map((message) => message.text);
}

function showPlan() {
  const { plan } = found;
  const steps = plan.steps.map((step) => make("li", {}, make("p", { class: "what" }, step.summary),
    lines("why", texts(step.why)), lines("why", texts(step.why_not).map((text) => `rejected: ${text}`))));
  const empty = `${plan.headline}.`;
  const notes = texts(plan.notes).map((text) => make("li", { class: "soft" }, text));
  const title = plan.dry_run && steps.length ? make("p", { class: "soft" }, "Dry run. Without it, this instance would:") : null;
  fill("plan", title, list(steps, empty), notes.length ? make("ul", { class: "list" }, notes) : null);
}

function history() {
  const { actions } = found.history;
  const kinds = { done: "good", failed: "bad" };
  const items = actions.slice(0, 50).map((action) => make("li", {},
    make("p", {}, stamp(action.ended_at), " ", badge(action.result, kinds[action.result] || "warn"), " ",
      make("span", { class: "what" }, action.summary)),
    lines("why", texts(action.why)), lines("error", action.error ? [action.error] : [])));
  fill("history", list(items, "No actions are recorded."));
}

function memoryBar(memory, hostname) {
  if (!memory) return make("p", { class: "soft memory" }, "memory: not measured");
  const share = memory.total_bytes ? memory.used_bytes / memory.total_bytes : 1;
  const kind = share > 0.95 ? "bad" : share > 0.85 ? "warn" : "";
  const inner = make("div", { class: `fill ${kind}` });
  inner.style.width = `${Math.min(100, share * 100)}%`;
  const text = `${gib(memory.used_bytes)} of ${gib(memory.total_bytes)} (${Math.round(share * 100)}%)`;
  const track = make("div", { class: "track", role: "meter", "aria-valuemin": "0", "aria-valuemax": "100",
    "aria-valuenow": String(Math.round(share * 100)), "aria-label": `memory of ${hostname}`, "aria-valuetext": text }, inner);
  const host = memory.host && memory.host !== hostname ? `, host ${memory.host}` : "";
  return make("div", { class: "memory" }, track, soft(`memory ${text}${host}`));
}

function nodes() {
  const { state } = found;
  fill("nodes", state.nodes.map((node) => {
    const isReady = node.state === "ready";
    const own = new Set(node.owned_labels);
    const labels = Object.entries(node.labels).map(([key, value]) =>
      make("li", own.has(key) ? { class: "own", title: "set by Orcastra" } : {}, `${key}=${value}`));
    return make("article", { class: isReady ? "card" : "card bad" },
      make("div", { class: "top" }, make("h3", {}, node.hostname), badge(node.leader ? "leader" : node.role),
        badge(node.state, isReady ? "good" : "bad"),
        node.availability !== "active" && badge(node.availability, "warn")),
      node.availability_set_at && soft(`${node.availability} since ${moment(node.availability_set_at)}`),
      memoryBar(node.memory, node.hostname), soft(plural(node.running_tasks, "task")), nodeActions(node),
      labels.length ? make("ul", { class: "labels", "aria-label": `labels of ${node.hostname}` }, labels) : null);
  }));
}

function matches(words, ...texts) {
  const text = texts.join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

function groups(words, byName) {
  const shown = found.state.groups.filter((group) => matches(words, group.anchor, group.nodes.join(" "),
    group.followers.map((follower) => follower.service).join(" ")));
  fill("groups", shown.slice(0, showAll ? shown.length : SHOWN).map((group) => {
    const followers = group.followers.map((follower) => {
      const service = byName.get(follower.service);
      const state = follower.finished ? ["finished", "good"] : follower.in_place ? ["co-located", "good"] : follower.can_follow ? ["misplaced", "warn"] : ["cannot follow", "bad"];
      return make("li", {}, make("div", { class: "top" }, make("span", { class: "what" }, follower.service), badge(...state)),
        follower.follows !== group.anchor && !follower.finished ? soft(`follows ${follower.follows}`) : null,
        soft(service ? `${runs(service)}${service.expected ? ` on ${places(service.nodes)}` : ""}` : ""),
        problem(service));
    });
    for (const name of group.missing) followers.push(make("li", {}, make("span", { class: "what" }, name), " ", badge("does not exist", "warn")));
    const anchor = byName.get(group.anchor);
    const bad = !group.exists || (anchor && anchor.running < anchor.expected);
    return make("article", { class: "card" },
      make("div", { class: "top" }, make("h3", {}, group.anchor), badge("anchor"),
        bad && badge(group.exists ? "not running" : "does not exist", "warn")),
      soft(group.nodes.length ? `on ${group.nodes.join(", ")}` : "on no node"), problem(anchor), group.note ? soft(group.note.text) : null,
      make("ul", { class: "list" }, followers));
  }));
}

function services() {
  const { state } = found;
  const words = at("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const byName = new Map(state.services.map((service) => [service.name, service]));
  swarmMap(words);
  groups(words, byName);
  const grouped = new Set(state.groups.flatMap((group) => [group.anchor, ...group.followers.map((one) => one.service)]));
  const rest = state.services.filter((service) => (words.length || !grouped.has(service.name))
    && matches(words, service.name, service.stack || "", Object.keys(service.nodes).join(" ")));
  if (!rest.length) return fill("services", soft(words.length ? "No service matches." : grouped.size ? "" : "No services."));
  const rows = rest.slice(0, showAll ? rest.length : SHOWN).map((service) => make("tr", {},
    make("th", { scope: "row" }, service.name),
    make("td", { class: "number", "data-name": "runs" }, `${runs(service)} `,
      service.running < service.expected ? badge("short", "warn") : null,
      updating(service) ? badge(service.update, "warn") : null),
    make("td", { class: "number", "data-name": "memory" }, service.memory_bytes ? gib(service.memory_bytes) : "–"),
    make("td", { "data-name": "on" }, places(service.nodes), problem(service)),
    make("td", {}, serviceActions(service))));
  const table = make("table", {}, make("thead", {}, make("tr", {},
    ["Service", "Runs", "Memory each", "On", "Actions"].map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, rows));
  const more = rest.length > rows.length ? make("button", { type: "button" }, `Show all ${rest.length}`) : null;
  if (more) more.addEventListener("click", () => { showAll = true; services(); });
  return fill("services", make("div", { class: "scroll" }, table), more);
}

function waiting() {
  const { state } = found;
  const items = (state.moves || []).map((move) => make("li", {},
    make("p", { class: "what" }, `${move.service} is moving to ${move.to.join(", ")}`), soft(`since ${moment(move.since)}`)));
  for (const entry of state.attempts || []) {
    if (entry.given_up) continue;
    const next = entry.next_attempt_at && new Date(entry.next_attempt_at) > new Date() ? `; next attempt after ${moment(entry.next_attempt_at)}` : "";
    items.push(make("li", {}, make("p", { class: "what" }, `${entry.service}: ${entry.reason.text}`),
      soft(`${plural(entry.attempts, "attempt")} since ${moment(entry.since)}${next}`)));
  }
  for (const move of (state.relocations || []).slice(0, 10)) {
    items.push(make("li", {}, make("p", {}, badge(move.failed ? "reverted" : "moved", move.failed ? "bad" : "good"),
      ` ${move.service} from ${move.from} to ${move.to}`),
    soft(`${gib(move.memory_bytes)}, ${moment(move.ended_at)}${move.failed ? `: ${move.failed.text}` : ""}`)));
  }
  at("waiting-part").hidden = !items.length;
  fill("waiting", list(items, ""));
}

function commands() {
  const kinds = { done: "good", failed: "bad", interrupted: "bad" };
  const items = (found.state.commands || []).slice(0, 20).map((command) => make("li", {},
    make("p", {}, badge(command.status, kinds[command.status] || "warn"), " ", make("span", { class: "what" }, command.command)),
    command.message ? soft(command.message) : null,
    soft(`${moment(command.finished_at || command.started_at)}, on ${command.by}, requested by ${command.source}`)));
  at("commands-part").hidden = !items.length;
  fill("commands", list(items, ""));
}

function mods() {
  const items = found.state.mods.mods.map((mod) => make("li", {},
    make("div", { class: "top" }, make("span", { class: "what" }, mod.files.length === 1 ? mod.files[0] : mod.mod),
      badge(mod.status === "failed" ? "failed" : "ok", mod.status !== "failed" ? "good" : mod.optional ? "warn" : "bad")),
    soft(mod.error || mod.mod)));
  at("mods-part").hidden = !items.length;
  fill("mods", list(items, ""));
}

function nextRun(job) {
  if (job.is_running || !job.ended_at || !job.interval_seconds) return "as needed";
  const next = new Date(new Date(job.ended_at).getTime() + job.interval_seconds * 1000);
  return next > new Date() ? relative(next.toISOString()) : "now";
}

function jobs() {
  const items = found.state.jobs.map((job) => {
    const state = job.is_running ? ["running", ""] : job.failures ? [`failed ${job.failures}×`, "bad"] : ["ok", "good"];
    return make("li", {}, make("div", { class: "top" }, make("span", { class: "what" }, job.name), badge(...state)),
      soft(`${job.is_running ? "started" : "last run"} ${relative(job.is_running ? job.started_at : job.ended_at)}, ${job.seconds.toFixed(1)} s; next ${nextRun(job)}`));
  });
  fill("jobs", list(items, "No job has run yet."));
}

// Makes boxes that scroll reachable with the keyboard, under the name of their heading; others are no tab stop.
function reachable() {
  for (const box of document.querySelectorAll(".columns > section > div")) {
    const scrolls = box.scrollHeight > box.clientHeight;
    const wanted = { tabindex: "0", role: "group", "aria-labelledby": box.parentElement.getAttribute("aria-labelledby") };
    for (const [name, value] of Object.entries(wanted)) {
      if (scrolls) box.setAttribute(name, value);
      else box.removeAttribute(name);
    }
  }
}

function show() {
  // the keyboard's place, because new elements replace those that have the focus
  const focused = document.activeElement?.getAttribute("aria-label");
  render();
  if (focused && document.activeElement === document.body) document.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

function peers(others) {
  const links = others.filter(({ url }) => /^https?:\/\//i.test(url)).map(({ url, node, leads }) =>
    make("a", { href: url, rel: "noreferrer" }, node ? `${node}${leads ? " (leader)" : ""}` : new URL(url).host));
  at("peers").hidden = !links.length;
  const shown = links.map((link) => link.href + link.textContent).join();
  if (shown === at("peers").dataset.shown) return;
  at("peers").dataset.shown = shown;
  fill("peers", "Also: ", links.flatMap((link, number) => (number ? [", ", link] : [link])));
}

function render() {
  const { state, plan, history: actions } = found;
  banners();
  verdict();
  if (!state) return;
  const { instance, swarm } = state;
  at("role").textContent = (swarm ? `on ${swarm.node}, ` : "") + instance.role;
  at("foot").textContent = `Orcastra ${instance.version}, started ${moment(instance.started_at)}; last checked ${moment(state.observed_at)}`;
  peers(instance.peers || []);
  document.title = swarm ? `Orcastra on ${swarm.node}` : "Orcastra";
  attention();
  if (plan) showPlan();
  if (actions) history();
  if (swarm) { glance(); nodes(); services(); }
  waiting(); commands(); mods(); jobs();
  reachable();
}

function live() {
  const isGood = Date.now() - answered < 3 * EVERY;
  const text = isGood ? "live" : answered ? "no response" : "connecting …";
  if (at("live").textContent !== text) at("live").textContent = text;
  at("live").className = isGood ? "good" : answered || failure ? "bad" : "";
  document.querySelector("header").classList.toggle("stale", !isGood && Boolean(answered));
}

async function load(name) {
  const headers = etags[name] ? { "If-None-Match": etags[name] } : {};
  const reply = await fetch(`api/${name}`, { headers, cache: "no-store", signal: AbortSignal.timeout(10000) });
  if (reply.status === 304) return false;
  if (!reply.ok) throw new Error(`HTTP ${reply.status}`);
  const data = await reply.json();
  etags[name] = reply.headers.get("ETag");
  found[name] = data;
  return true;
}

async function look() {
  if (!document.hidden) {
    try {
      const news = await Promise.all(parts.map(load));
      answered = Date.now();
      failure = null;
      if (news.some(Boolean)) show(); else banners();
    } catch (error) {
      failure = error.message;
      banners();
    }
    live();
  }
  setTimeout(look, EVERY);
}

at("sync").addEventListener("click", () => act("Sync now", planned(), "sync", null));
at("ask-cancel").addEventListener("click", () => at("ask").close());
addEventListener("resize", reachable);
at("filter").addEventListener("input", () => { if (found.state?.swarm) services(); });
look();
