/** The present time for screens, moving on every few seconds. */
import { createSubscriber } from "svelte/reactivity";

const EVERY = 5000;

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, EVERY);
  return () => clearInterval(timer);
});

/** Milliseconds since 1970; what reads it is drawn anew as time passes. */
export function now(): number {
  subscribe();
  return Date.now();
}
