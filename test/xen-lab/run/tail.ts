/** The end of a text that may be long. */
export class Tail {
  private text = '';

  constructor(private readonly limit = 6000) {}

  add(text: string): void {
    this.text = (this.text + text).slice(-2 * this.limit);
  }

  toString(): string {
    return this.text.slice(-this.limit);
  }
}
