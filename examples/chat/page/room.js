// Events come from /events, and lines go to /say. The token ties them together.
"use strict"

const [heard, form, line, status] = ["heard", "form", "line", "status"].map(id => document.getElementById(id))
const maxShown = 2000
let token = "", me = ""
let posts = Promise.resolve() // one after the other, so that lines keep their order
const said = [] // what the up key brings back
let at = 0

// show appends a line. Texts of others become text nodes, never markup.
function show(text, kind = "news") {
  const atEnd = heard.scrollHeight - heard.scrollTop - heard.clientHeight < 40
  const item = document.createElement("li")
  const [, who, what] = text.match(/^([\p{L}\p{Nd}]+): ([^]*)$/u) ?? text.match(/^([\p{L}\p{Nd}]+):()$/u) ?? []
  if (kind === "news" && who) {
    const name = document.createElement("b")
    name.textContent = who
    name.style.setProperty("--hue", [...who].reduce((h, c) => (h * 137 + c.codePointAt(0)) % 360, 7))
    item.className = who === me ? "mine" : "said"
    item.append(name, " ", what)
  } else {
    item.className = kind
    item.textContent = text
  }
  heard.append(item)
  if (heard.children.length > maxShown) heard.firstChild.remove()
  if (atEnd) heard.scrollTop = heard.scrollHeight
}

function setStatus(text, open) {
  status.textContent = text
  document.body.classList.toggle("open", open)
}

const events = new EventSource("events")
events.addEventListener("token", e => {
  token = e.data
  setStatus("You are " + me + ".", true)
})
events.addEventListener("message", e => {
  const name = e.data.match(/^You are ([\p{L}\p{Nd}]+)\.$/u)
  if (name) {
    me = name[1]
    setStatus(e.data, token !== "")
  }
  show(e.data)
})
events.addEventListener("end", e => {
  events.close()
  show(e.data, "error")
  setStatus("You are not in the room any more. Load the page to come back.", false)
})
events.addEventListener("error", () => {
  if (token) show("The connection is lost.", "error")
  token = ""
  const again = events.readyState !== EventSource.CLOSED
  setStatus(again ? "You are not in the room. Trying to come back …" : "You are not in the room. Load the page to come back.", false)
})

async function post(text) {
  try {
    const answer = await fetch("say", { method: "POST", headers: { "Chat-Token": token }, body: text })
    if (!answer.ok) show((await answer.text()).trim(), "error")
  } catch {
    show("This has not been said: " + text, "error")
  }
}

form.addEventListener("submit", e => {
  e.preventDefault()
  if (!token) return
  const text = line.value
  line.value = ""
  if (text && text !== said.at(-1)) said.push(text)
  at = said.length
  posts = posts.then(() => post(text))
})

line.addEventListener("keydown", e => {
  const step = { ArrowUp: -1, ArrowDown: 1 }[e.key]
  if (step) {
    at = Math.min(Math.max(at + step, 0), said.length)
    line.value = said[at] ?? ""
    e.preventDefault()
  } else if (e.key === "PageUp" || e.key === "PageDown") {
    heard.scrollBy(0, (e.key === "PageUp" ? -0.8 : 0.8) * heard.clientHeight)
    e.preventDefault()
  }
})

// Whoever types, types a line, wherever the focus is.
document.addEventListener("keydown", e => {
  if (e.key.length === 1 && !e.ctrlKey && !e.metaKey && !e.altKey && e.target !== line && e.target.tagName !== "BUTTON") line.focus()
})
