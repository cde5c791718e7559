// Whose a control is: the hand's, while it holds it and until what it sent is heard back.

const LET_GO_MS = 300;

export class Grip {
  #until = 0;
  #wait = 0;
  #follow;

  /** `follow()` is called when the hand is gone, to go where the instrument plays. */
  constructor(follow) {
    this.#follow = follow;
  }

  get held() {
    return performance.now() < this.#until;
  }

  /** The hand is on it, until it is let go. */
  take() {
    clearTimeout(this.#wait);
    this.#until = Infinity;
  }

  /** The hand has gone, or only given it a push. */
  letGo() {
    clearTimeout(this.#wait);
    this.#until = performance.now() + LET_GO_MS;
    this.#wait = setTimeout(() => this.#follow(), LET_GO_MS + 1);
  }
}
