// Previews: the newest only, drawn as soon as it is decoded.

const HEADER_BYTES = 32; // frame, captured, published, width, height: see outputs/page.py

export class Preview {
  #canvas;
  #context;
  #seen;
  #busy = false;
  #next = null;
  frames = 0;
  delayMs = null; // from the source's picture to the finished frame; null when it was not captured

  /** `seen(number)` is called with each frame that was drawn. */
  constructor(canvas, seen) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", {alpha: false});
    this.#seen = seen;
  }

  /** Show the picture in `bytes`, unless a newer one comes while we are busy. */
  async show(bytes) {
    this.#next = bytes;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#next) {
      const newest = this.#next;
      this.#next = null;
      await this.#draw(newest);
    }
    this.#busy = false;
  }

  async #draw(bytes) {
    const header = new DataView(bytes, 0, HEADER_BYTES);
    const number = Number(header.getBigUint64(0, true));
    try {
      const jpeg = new Blob([new Uint8Array(bytes, HEADER_BYTES)], {type: "image/jpeg"});
      this.#paint(await createImageBitmap(jpeg));
      this.#measure(header.getFloat64(8, true), header.getFloat64(16, true));
    } catch (error) {
      console.warn("a preview cannot be read:", error);
    }
    this.#seen(number);
  }

  #paint(picture) {
    const {width, height} = picture;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#context.drawImage(picture, 0, 0);
    picture.close();
    this.frames += 1;
  }

  #measure(captured, published) {
    const delay = captured > 0 ? (published - captured) * 1000 : null;
    const known = delay !== null && this.delayMs !== null;
    this.delayMs = known ? this.delayMs * 0.9 + delay * 0.1 : delay;
  }
}
