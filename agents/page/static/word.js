/* What a person may ask of a running loop: confirm changes, stop it, let it act again. Name and token stay in the page. */
"use strict";
coldaisle.word = function (facts) {
  const c = coldaisle, at = (id) => document.getElementById(id), may = facts.control || [];
  let waiting = null;
  const label = (one) => one.name.replace(/_(c|frac|kw)$/, "").replace(/_/g, " ") + " " + one.row;
  const figure = (one, v) => (v === null || v === undefined ? "?" : /_frac$/.test(one.name) ? c.number(100 * v, 0) + " %" : c.number(v, 1));

  function proposal(told) {
    const host = c.clear(at("proposal"));
    if (!may.includes("confirm")) { c.html("p", { class: "soft" }, host, "This loop acts by itself. You can stop it at any time."); return; }
    if (!told) { c.html("p", { class: "soft" }, host, "Nothing waits for your word."); return; }
    if (!told.changes.length) { c.html("p", { class: "soft" }, host, "Cycle " + told.cycle + " would change nothing."); return; }
    c.html("p", {}, host, "Cycle " + told.cycle + " asks to write this; it stands until the next reading:");
    const list = c.html("ul", { class: "changes" }, host);
    told.changes.forEach((one) => {
      const from = figure(one, one.in_force), to = figure(one, one.value);
      c.html("li", {}, list, label(one) + ": " + (from === to ? "held at " + to : from + " to " + to));
    });
    if (told.shield !== "passed") c.html("p", { class: "soft" }, host, "Shield: " + told.shield);
  }

  async function ask(name) {
    const cycle = name === "confirm" && waiting ? "?cycle=" + waiting.cycle : "";
    at("answer").textContent = "asking ...";
    try {
      const headers = { Authorization: "Bearer " + at("token").value, "X-Who": at("who").value };
      const answer = await fetch("/" + name + cycle, { method: "POST", headers });
      at("answer").textContent = answer.status === 401 ? "The token is not the one of this loop. Nothing was changed." : (await answer.text()).replace("; see /state", "");
      at("answer").className = answer.ok ? "good" : "bad";
    } catch (problem) {
      at("answer").textContent = "The loop did not answer. Nothing was changed.";
      at("answer").className = "bad";
    }
  }

  at("word").hidden = !may.length;
  ["confirm", "release", "resume"].forEach((name) => { at(name).hidden = !may.includes(name); });
  if (may.length) at("does").textContent = "What changes anything here needs your name and the token.";
  at("ask").addEventListener("submit", (event) => { event.preventDefault(); ask(event.submitter.value); });
  return {
    show(frame) {
      if (!may.length) return;
      waiting = frame.proposal || null;
      proposal(waiting);
      at("confirm").disabled = !waiting || !waiting.changes.length;
      const count = waiting ? waiting.changes.length : 0;
      at("confirm").textContent = count ? "Confirm " + count + (count === 1 ? " change" : " changes") : "Confirm";
    },
  };
};
