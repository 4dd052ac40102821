/** The admin key's file in the data folder. */
export const ADMIN_KEY = "admin.key"
