// What makes pages quicker from the keyboard; every page does without.
"use strict";

const TYPING = "input, select, textarea";

// Whoever dictates, or trembles, switches single keys off; it is remembered on this machine.
const silent = () => localStorage.getItem("raccourcis") === "non";
const choice = document.querySelector("[data-shortcuts]");
if (choice) {
  choice.closest("p").hidden = false;
  choice.checked = !silent();
  choice.addEventListener("change", () => localStorage.setItem("raccourcis", choice.checked ? "oui" : "non"));
}

document.addEventListener("keydown", (event) => {
  if (silent()) return;
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest(TYPING)) return;
  const key = event.key.toLowerCase();
  if (!/^[a-z]$/.test(key)) return;
  const target = document.querySelector(`[data-key="${key}"]`);
  if (!target) return;
  event.preventDefault();
  target.click();
});

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
  setTimeout(() => delete event.target.dataset.sent, 5000);
});
