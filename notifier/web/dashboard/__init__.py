"""The recruiter's pages. Views stand beside their templates."""
