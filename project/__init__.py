"""The runnable site around the app: wiring only, all of it settable from the environment."""
