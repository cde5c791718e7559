// The WebSocket, kept open: it comes back by itself, and says so.

const SILENT_MS = 3000; // the server speaks four times a second
const PAUSES_MS = [200, 400, 800, 1500];

export class Connection {
  #handlers;
  #socket = null;
  #tries = 0;
  #heard = 0;
  #retry = 0;

  /** Handlers: `message(object)`, `preview(bytes)`, `state("open" | "lost" | "refused")`. */
  constructor(handlers) {
    this.#handlers = handlers;
    setInterval(() => this.#watch(), 500);
    addEventListener("online", () => this.#again());
    document.addEventListener("visibilitychange", () => {
      this.send({visible: !document.hidden});
      if (!document.hidden && !this.#open) this.#again();
    });
    this.#connect();
  }

  /** Send an object; without a connection it is lost, as a hand's movement should be. */
  send(object) {
    if (this.#open) this.#socket.send(JSON.stringify(object));
  }

  get #open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  #connect() {
    const socket = new WebSocket(new URL("ws", location.href.replace(/^http/, "ws")));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#tries = 0;
      this.#heard = performance.now();
      this.send({visible: !document.hidden});
      this.#handlers.state("open");
    };
    socket.onmessage = ({data}) => {
      this.#heard = performance.now();
      if (data instanceof ArrayBuffer) this.#handlers.preview(data);
      else this.#handlers.message(JSON.parse(data));
    };
    socket.onclose = () => socket === this.#socket && this.#lost();
    this.#socket = socket;
  }

  #lost() {
    this.#socket = null;
    this.#handlers.state("lost");
    const pause = PAUSES_MS[Math.min(this.#tries++, PAUSES_MS.length - 1)];
    this.#retry = setTimeout(() => this.#connect(), pause);
    if (this.#tries > 2) this.#ask();
  }

  #again() {
    if (this.#socket) return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  #watch() {
    if (this.#open && performance.now() - this.#heard > SILENT_MS) {
      this.#socket.close();
      this.#lost();
    }
  }

  /** A server that is there but does not let us in wants a new link. */
  async #ask() {
    const answer = await fetch("status").catch(() => null);
    if (answer?.status === 401) this.#handlers.state("refused");
  }
}
