// Sends what is typed, and shows what is said.

const messages = document.getElementById("messages");
const form = document.getElementById("say");
const address = new URL(`${location.pathname}/talk`, location.href);
address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
const socket = new WebSocket(address);

socket.addEventListener("message", (event) => {
  const { author, text } = JSON.parse(event.data);
  const item = document.createElement("li");
  item.classList.toggle("mine", author === messages.dataset.me);
  item.append(document.createElement("b"), document.createElement("p"));
  item.firstChild.textContent = author;
  item.lastChild.textContent = text;
  messages.append(item);
  item.scrollIntoView({ block: "nearest" });
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  socket.send(form.elements.text.value);
  form.reset();
});
