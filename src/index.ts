/** xenferry as a library: the contract, the engine, and the backend that runs anywhere. */
export * from './backends/backend.js';
export * from './backends/emulated/index.js';
export * from './migrate/index.js';
