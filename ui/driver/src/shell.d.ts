declare module "virtual:shell" {
  /** Addresses of all files of the app, its page first. */
  export const shell: string[];
  export const version: string;
}
