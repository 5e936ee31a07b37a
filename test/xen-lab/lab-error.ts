/** An error that a person is to read: what went wrong, and what to do. */
export class LabError extends Error {
  override readonly name = 'LabError';

  constructor(
    message: string,
    readonly remedy?: string,
  ) {
    super(remedy === undefined ? message : `${message}\n  ${remedy}`);
  }
}
