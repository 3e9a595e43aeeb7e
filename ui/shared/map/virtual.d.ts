declare module "virtual:basemap" {
  /** Address of the folder with the map's ground, with a slash at its end. */
  export const ground: string;
}
