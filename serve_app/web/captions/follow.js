/** Keeps the newest text in view until the reader scrolls up, and offers the way back. */

const NEAR_PX = 48;

export class Follow {
  #scroller;
  #button;
  #following = true;
  #lastTop = 0;

  /** `button` is shown while the newest text is out of view; `content` is what grows. */
  constructor(scroller, content, button) {
    this.#scroller = scroller;
    this.#button = button;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    button.addEventListener("click", () => {
      this.resume();
      // The button hides itself, and the keyboard must not be left nowhere.
      scroller.focus({ preventScroll: true });
    });
    const observer = new ResizeObserver(() => this.#follow());
    observer.observe(content);
    observer.observe(scroller);
  }

  /** Go to the newest text and stay there. */
  resume() {
    this.#set(true);
    this.#follow();
  }

  #follow() {
    if (!this.#following) return;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastTop = this.#scroller.scrollTop;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const isNear = scrollHeight - clientHeight - scrollTop < NEAR_PX;
    // Only the reader scrolls up; growing text leaves the place as it is.
    if (isNear) this.#set(true);
    else if (scrollTop < this.#lastTop) this.#set(false);
    this.#lastTop = scrollTop;
  }

  #set(following) {
    this.#following = following;
    this.#button.hidden = following;
  }
}
